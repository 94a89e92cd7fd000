"""The tables, as SQLAlchemy describes them; ``docs/tables.md`` explains every column to readers.

Times are Unix milliseconds (``BigInteger``): what producers send, exact, and equal on every database.
Keys begin with the session, since that is what rows are read and replaced by; a session key is seldom shared.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from models.rows import StyleDay

__all__ = ["INSIGHTS", "MEMORY", "metadata"]

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

# The record ------------------------------------------------------------------------------------------------------

events = Table(
    "events",
    metadata,
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("ts", BigInteger, nullable=False),
    Column("agent", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("visibility", String, nullable=False),
    Column("dialect", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("order", BigInteger, nullable=False),
    Column("call", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Index(None, "session", "agent", "visibility"),
    Index(None, "agent", "ts"),
)

# A stream that was deleted and made anew counts from 1 again: each incarnation has a name of its own here. The durable
# is the one that workers of this database share; another database that reads the same stream has another.
streams = Table(
    "streams",
    metadata,
    Column("stream", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("created", String, nullable=False),
    Column("durable", String, nullable=False),
    Column("context_durable", String, nullable=False, server_default=""),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
)

# Counted by what masking leaves behind, whoever masked: a way into the log, or the worker.
redactions = Table(
    "redactions",
    metadata,
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, primary_key=True),
    Column("masked", Integer, nullable=False),
)

# One entry for every message of the record, events and dead letters, each chained to the one before in the order of
# sequences. The database refuses to change or delete what is in these tables, and in the ones above.
audit_chain = Table(
    "audit_chain",
    metadata,
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("chain", String(64), nullable=False),
    sqlite_with_rowid=False,
)

# Roots of 256 entries, of 256 such roots, and so on: what makes the proof of one entry short work.
audit_tiles = Table(
    "audit_tiles",
    metadata,
    Column("stream", String, primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("tile", BigInteger, primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("root", String(64), nullable=False),
    sqlite_with_rowid=False,
)

# Recorded, and not chained yet, since another worker still has messages that come before.
audit_waiting = Table(
    "audit_waiting",
    metadata,
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    sqlite_with_rowid=False,
)

# Whose content was removed, by right or by law.
audit_removals = Table(
    "audit_removals",
    metadata,
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("removed_at", BigInteger, nullable=False),
    Column("removed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

# Holds a row only within a transaction that may write over the record: a rebuild's.
audit_permits = Table(
    "audit_permits",
    metadata,
    Column("purpose", String, primary_key=True),
)

# What was learned: a pure function of the record and of the models named on the rows --------------------------------

sessions = Table(
    "sessions",
    metadata,
    Column("agent", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("tool_calls", Integer, nullable=False),
    Column("tool_errors", Integer, nullable=False),
    Column("run_errors", Integer, nullable=False),
    Column("outcome", Float, nullable=False),
    Column("topic_id", String, nullable=False),
    Column("topics", JSON, nullable=False),
    Column("styles", JSON, nullable=False),
    Column("tools", JSON, nullable=False),
    Column("models", Text, nullable=False),
    Column("found", JSON, nullable=False, default=dict),
    Column("topic_model", String, nullable=False, default=""),
    PrimaryKeyConstraint("session", "agent"),
    Index(None, "started_at"),
    Index(None, "agent", "started_at"),
    Index(None, "topic_id", "started_at"),
    Index(None, "outcome"),
    Index(None, "models"),
    Index(
        "ix_sessions_failed",
        "started_at",
        sqlite_where=text("tool_errors > 0"),
        postgresql_where=text("tool_errors > 0"),
    ),
)

event_topics = Table(
    "event_topics",
    metadata,
    Column("agent", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("ts", BigInteger, nullable=False),
    Column("topic_id", String, primary_key=True),
    Column("score", Float, nullable=False),
    Column("model", String, nullable=False),
    Index(None, "session", "agent"),
    Index(None, "topic_id", "ts"),
)

topics = Table(
    "topics",
    metadata,
    Column("topic_id", String, primary_key=True),
    Column("label", Text, nullable=False),
    Column("keywords", JSON, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("source", String, nullable=False, default="packaged"),
    Column("example_stream", String, nullable=False, default=""),
    Column("example_seq", BigInteger, nullable=False, default=0),
    Column("parent", String, nullable=False, default=""),
    Column("merged_into", String, nullable=False, default=""),
)

topic_trends = Table(
    "topic_trends",
    metadata,
    Column("topic_id", String, primary_key=True),
    Column("direction", String, nullable=False),
    Column("ratio", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=True),
    Column("recent", Integer, nullable=False),
    Column("before", Integer, nullable=False),
    Column("expected", Float, nullable=False),
    Column("until", BigInteger, nullable=False),
)

message_styles = Table(
    "message_styles",
    metadata,
    Column("agent", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("ts", BigInteger, nullable=False),
    Column("speaker", String, nullable=False),
    Column("language", String, nullable=False, default=""),
    Column("politeness", Float, nullable=False),
    Column("formality", Float, nullable=False),
    Column("directness", Float, nullable=False),
    Column("verbosity", Float, nullable=False),
    Column("sentiment", Float, nullable=False),
    Column("frustration", Float, nullable=False),
    Column("hedging", Float, nullable=False),
    Column("question", Float, nullable=False),
    Column("satisfaction", Float, nullable=True),
    Column("model", String, nullable=False),
    Index(None, "session", "agent"),
)

signals = Table(
    "signals",
    metadata,
    Column("agent", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("severity", Float, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("model", String, nullable=False),
    Index(None, "session", "agent"),
    Index(None, "agent", "kind", "severity"),
    Index(None, "kind", "session"),
)

skill_uses = Table(
    "skill_uses",
    metadata,
    Column("agent", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("topic_id", String, nullable=False),
    Column("tool", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("failed", Boolean, nullable=False),
    PrimaryKeyConstraint("session", "agent", "topic_id", "tool"),
)

skill_gaps = Table(
    "skill_gaps",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("skill", Text, primary_key=True),
    Column("sessions", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("rate", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=False),
    Column("excess", Float, nullable=False),
    Column("impact", Float, nullable=False),
    Column("trend", Float, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("topic_id", String, nullable=False),
    Column("tool", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("model", String, nullable=False),
)

patterns = Table(
    "patterns",
    metadata,
    Column("kind", String, primary_key=True),
    Column("agent", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("effect", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=False),
    Column("n", Integer, nullable=False),
    Column("q_value", Float, nullable=False),
    Column("statement", Text, nullable=False),
    Column("model", String, nullable=False),
)

# The same by day: what pages read, which must not take longer the more sessions there are.
session_days = Table(
    "session_days",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("agent", Text, primary_key=True),
    Column("topic_id", String, primary_key=True),
    Column("sessions", Integer, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("turns", BigInteger, nullable=False),
    Column("tool_calls", BigInteger, nullable=False),
    Column("tool_errors", BigInteger, nullable=False),
    Column("run_errors", BigInteger, nullable=False),
    Column("outcome", BigInteger, nullable=False),
    Column("outcome_squares", BigInteger, nullable=False),
    Index(None, "topic_id", "day"),
)

agent_days = Table(
    "agent_days",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("agent", Text, primary_key=True),
    Column("sessions", Integer, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("turns", BigInteger, nullable=False),
    Column("tool_calls", BigInteger, nullable=False),
    Column("tool_errors", BigInteger, nullable=False),
    Column("run_errors", BigInteger, nullable=False),
    Column("outcome", BigInteger, nullable=False),
    Column("outcome_squares", BigInteger, nullable=False),
)

# A column for each sum, and not one with all of them, so that the database can add them up.
style_days = Table(
    "style_days",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("agent", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in StyleDay.__struct_fields__[2:]),
)

topic_days = Table(
    "topic_days",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("agent", Text, primary_key=True),
    Column("topic_id", String, primary_key=True),
    Column("sessions", Integer, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Index(None, "topic_id", "day", "sessions", "messages"),
    Index(None, "agent", "topic_id", "day"),
)

signal_days = Table(
    "signal_days",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("agent", Text, primary_key=True),
    Column("topic_id", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("sessions", Integer, nullable=False),
    Column("signals", Integer, nullable=False),
    Column("severity", BigInteger, nullable=False),
    Index(None, "agent", "kind", "day"),
)

# Taxonomies that users taught; where there is one, they tag in place of the packaged topics.
topic_models = Table(
    "topic_models",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# What was said and done, each thing once, as history lists it and recall finds it. `terms` are the stems that an index
# is kept of, which migrations make: in SQLite the table `entries_index` (FTS5), which triggers fill, in PostgreSQL
# `ix_entries_words`, a GIN index of a tsvector. `id` is a number that the index needs
# and differs from database to database; what identifies a row is in `info`.
entries = Table(
    "entries",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("agent", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("stream", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("ts", BigInteger, nullable=False),
    Column("speaker", String, nullable=False),
    Column("tool", Text, nullable=False),
    Column("visibility", String, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("scope", String, nullable=False),
    Column("terms", Text, nullable=False),
    UniqueConstraint("stream", "seq", name="uq_entries_stream_seq"),
    Index(None, "session", "agent", "place"),
    Index(None, "agent", "ts"),
    Index(None, "ts"),
    Index("ix_entries_tool_ts", "tool", "ts", sqlite_where=text("tool <> ''"), postgresql_where=text("tool <> ''")),
    info={"key": ("stream", "seq")},
)

# Models of discovered topics, each fitted on what was said up to its mark: JSON (analytics.topics.discovery.Record).
discovered_models = Table(
    "discovered_models",
    metadata,
    Column("mark", BigInteger, primary_key=True, autoincrement=False),
    Column("inputs", String(64), nullable=False),
    Column("version", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

INSIGHTS = (
    sessions,
    event_topics,
    topics,
    topic_trends,
    message_styles,
    signals,
    skill_uses,
    skill_gaps,
    patterns,
    session_days,
    agent_days,
    style_days,
    topic_days,
    signal_days,
    entries,
)
"""What ``eventlore rebuild`` recomputes, in this order."""

# What agents should know, kept by the context builder: a pure function of the record, too --------------------------------

memory_items = Table(
    "memory_items",
    metadata,
    Column("agent", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("ts", BigInteger, nullable=False),
    Column("speaker", String, nullable=False),
    Column("visibility", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("due", BigInteger),
    Column("weight", Float, nullable=False),
    Column("supersedes", Text, nullable=False),
    Column("superseded_by", Text, nullable=False),
    Column("model", String, nullable=False),
    Index(None, "session", "agent"),
    Index(None, "agent", "kind", "ts"),
    Index(None, "agent", "subject"),
    Index(None, "visibility", "kind", "ts"),
)

MEMORY = (memory_items,)

# What was handed to whom before a session.
context_log = Table(
    "context_log",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("agent", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("built_at", BigInteger, nullable=False),
    Column("budget", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("about", Text, nullable=False),
    Column("way", String, nullable=False),
    Column("items", JSON, nullable=False),
    Index(None, "agent", "built_at"),
)

# What the worker still has to do, kept in the same transactions -----------------------------------------------------

# Sessions with events that their insights do not reflect yet, the sequence that touched each last, and how often and
# why settling them failed; the empty agent and session stand for what is derived over all sessions.
pending = Table(
    "pending",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("touched", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)

# The same of the context builder: sessions whose memory does not reflect some of their events yet.
memory_pending = Table(
    "memory_pending",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("touched", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)
