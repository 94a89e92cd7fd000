"""audit chain; the database itself protects the record"""

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

SAME_PLACE = "NEW.stream = OLD.stream AND NEW.seq = OLD.seq"
PERMITTED = "EXISTS (SELECT 1 FROM audit_permits)"
REMOVED = "EXISTS (SELECT 1 FROM audit_removals r WHERE r.stream = OLD.stream AND r.seq = OLD.seq)"
KEPT = ("digest", "id", "ts", "agent", "session", "kind", "visibility", "dialect", "name", "run", '"order"', "call")
EMPTIED = ("text", "arguments", "error", "payload")
TOMBSTONE = " AND ".join([*(f"NEW.{c} = OLD.{c}" for c in KEPT), *(f"NEW.{c} = ''" for c in EMPTIED)])
NO_DATA = "length(NEW.data) = 0"
REVIVED = "EXISTS (SELECT 1 FROM events e WHERE e.stream = OLD.stream AND e.seq = OLD.seq)"

# When a row may be changed, and when it may be deleted, after all.
CHANGED = {
    "events": f"{SAME_PLACE} AND (({PERMITTED} AND NOT {REMOVED}) OR ({REMOVED} AND {TOMBSTONE}))",
    "dead_letters": f"{SAME_PLACE} AND (({PERMITTED} AND NOT {REMOVED}) OR ({REMOVED} AND {NO_DATA}))",
}
DELETED = {
    "events": f"{PERMITTED} AND NOT {REMOVED}",
    "dead_letters": f"{REVIVED} OR ({PERMITTED} AND NOT {REMOVED})",
}
PROTECTED = ("events", "dead_letters", "audit_chain", "audit_tiles", "audit_removals")


def upgrade() -> None:
    op.create_table(
        "audit_chain",
        *_place(),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name=op.f("pk_audit_chain")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_tiles",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tile", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("stream", "level", "tile", name=op.f("pk_audit_tiles")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_waiting",
        *_place(),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name=op.f("pk_audit_waiting")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_removals",
        *_place(),
        sa.Column("removed_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name=op.f("pk_audit_removals")),
    )
    op.create_table(
        "audit_permits",
        sa.Column("purpose", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name=op.f("pk_audit_permits")),
    )
    _chain_what_is_there()
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in PROTECTED:
        for statement in (_postgresql if postgresql else _sqlite)(table):
            op.get_bind().exec_driver_sql(statement)


def _place() -> tuple[sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
    )


def _chain_what_is_there() -> None:
    """Let the record of an older version be chained with the next batch."""
    connection = op.get_bind()
    connection.exec_driver_sql("INSERT INTO audit_waiting SELECT stream, seq, digest FROM events")
    letters = connection.exec_driver_sql("SELECT stream, seq, data FROM dead_letters").fetchall()
    for stream, seq, data in letters:
        digest = hashlib.sha256(bytes(data)).hexdigest()
        insert = sa.text("INSERT INTO audit_waiting VALUES (:stream, :seq, :digest) ON CONFLICT DO NOTHING")
        connection.execute(insert, {"stream": stream, "seq": seq, "digest": digest})


def _why(table: str, verb: str) -> str:
    return f"{table} is a record: its rows are never {verb}"


def _sqlite(table: str) -> list[str]:
    def trigger(verb: str, when: str, end: str) -> str:
        event = verb.upper()
        return f"CREATE TRIGGER {table}_{verb} BEFORE {event} ON {table} WHEN {when} BEGIN SELECT {end}; END"

    keys = "level = NEW.level AND tile = NEW.tile" if table == "audit_tiles" else "seq = NEW.seq"
    there = f"EXISTS (SELECT 1 FROM {table} WHERE stream = NEW.stream AND {keys})"
    return [
        trigger("update", f"NOT ({CHANGED.get(table, '0')})", f"RAISE(ABORT, '{_why(table, 'changed')}')"),
        trigger("delete", f"NOT ({DELETED.get(table, '0')})", f"RAISE(ABORT, '{_why(table, 'deleted')}')"),
        # INSERT OR REPLACE deletes without asking the trigger above.
        trigger("insert", f"{there} AND NOT {PERMITTED}", "RAISE(IGNORE)"),
    ]


def _postgresql(table: str) -> list[str]:
    def refusal(verb: str) -> str:
        return f"RAISE EXCEPTION '{_why(table, verb)}' USING ERRCODE = 'restrict_violation'"

    body = f"""
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF NOT ({CHANGED.get(table, "false")}) THEN {refusal("changed")}; END IF;
                RETURN NEW;
            ELSIF TG_OP = 'DELETE' THEN
                IF NOT ({DELETED.get(table, "false")}) THEN {refusal("deleted")}; END IF;
                RETURN OLD;
            END IF;
            {refusal("truncated")};
        END"""
    name = f"{table}_protected"
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body${body}$body$",
        f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
        f"CREATE TRIGGER {table}_kept BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
    ]


def downgrade() -> None:
    connection = op.get_bind()
    for table in PROTECTED:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"DROP FUNCTION {table}_protected() CASCADE")
        else:
            for verb in ("update", "delete", "insert"):
                connection.exec_driver_sql(f"DROP TRIGGER {table}_{verb}")
    for table in ("audit_permits", "audit_removals", "audit_waiting", "audit_tiles", "audit_chain"):
        op.drop_table(table)
