"""what was said and done, and the index that recall and history search"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

WORDS = "array_to_tsvector(string_to_array(trim(scope || ' ' || terms), ' '))"
INDEX = (
    "CREATE VIRTUAL TABLE entries_index USING fts5("
    "scope, terms, content='entries', content_rowid='id', detail='none', tokenize=\"unicode61 remove_diacritics 0"
    " tokenchars '_'\")"
)
FILL = "INSERT INTO entries_index(rowid, scope, terms) VALUES (new.id, new.scope, new.terms);"
EMPTY = "INSERT INTO entries_index(entries_index, rowid, scope, terms) VALUES ('delete', old.id, old.scope, old.terms);"
CHANGED = "old.scope <> new.scope OR old.terms <> new.terms"
TRIGGERS = (
    f"CREATE TRIGGER entries_filled AFTER INSERT ON entries BEGIN {FILL} END",
    f"CREATE TRIGGER entries_emptied AFTER DELETE ON entries BEGIN {EMPTY} END",
    f"CREATE TRIGGER entries_changed AFTER UPDATE ON entries WHEN {CHANGED} BEGIN {EMPTY} {FILL} END",
)


def upgrade() -> None:
    op.create_table(
        "entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("agent", "session")),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("speaker", sa.String(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint("stream", "seq", name="uq_entries_stream_seq"),
    )
    op.create_index(op.f("ix_entries_session_agent_place"), "entries", ["session", "agent", "place"])
    op.create_index(op.f("ix_entries_agent_ts"), "entries", ["agent", "ts"])
    op.create_index(op.f("ix_entries_ts"), "entries", ["ts"])
    tools = sa.text("tool <> ''")
    op.create_index("ix_entries_tool_ts", "entries", ["tool", "ts"], sqlite_where=tools, postgresql_where=tools)
    # Whether a session is public throughout is asked of every row that was learned from it.
    op.drop_index(op.f("ix_events_session_agent"), "events")
    op.create_index(op.f("ix_events_session_agent_visibility"), "events", ["session", "agent", "visibility"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"CREATE INDEX ix_entries_words ON entries USING gin (({WORDS}))")
    else:
        for statement in (INDEX, *TRIGGERS):
            connection.exec_driver_sql(statement)
    # What an older version has settled is settled again, so that it has entries.
    connection.exec_driver_sql(
        "INSERT INTO pending (agent, session, touched, attempts, reason) "
        "SELECT agent, session, max(seq), 0, '' FROM events GROUP BY agent, session "
        "ON CONFLICT (agent, session) DO NOTHING"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.get_bind().exec_driver_sql("DROP TABLE entries_index")
    op.drop_table("entries")
    op.drop_index(op.f("ix_events_session_agent_visibility"), "events")
    op.create_index(op.f("ix_events_session_agent"), "events", ["session", "agent"])
