"""days, and the indexes that pages need"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "session_days",
        *_key(),
        sa.Column("sessions", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("messages", "turns", "tool_calls", "tool_errors", "run_errors", "outcome", "outcome_squares")
        ),
        sa.Column("styles", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("day", "agent", "topic_id", name=op.f("pk_session_days")),
    )
    op.create_table(
        "topic_days",
        *_key(),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "agent", "topic_id", name=op.f("pk_topic_days")),
    )
    op.create_table(
        "signal_days",
        *_key(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("signals", sa.Integer(), nullable=False),
        sa.Column("severity", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "agent", "topic_id", "kind", name=op.f("pk_signal_days")),
    )
    for columns in (["agent", "started_at"], ["topic_id", "started_at"], ["outcome"], ["models"]):
        op.create_index(op.f(f"ix_sessions_{'_'.join(columns)}"), "sessions", columns, unique=False)
    op.create_index(op.f("ix_signals_agent_kind_severity"), "signals", ["agent", "kind", "severity"], unique=False)
    _count_what_is_there()


def _key() -> list[sa.Column[object]]:
    return [
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("topic_id", sa.String(), nullable=False),
    ]


def _count_what_is_there() -> None:
    """Let the worker derive anew what all sessions show together."""
    op.get_bind().exec_driver_sql(
        "INSERT INTO pending (agent, session, touched, attempts, reason) "
        "SELECT '', '', 0, 0, '' WHERE EXISTS (SELECT 1 FROM sessions) "
        "AND NOT EXISTS (SELECT 1 FROM pending WHERE agent = '' AND session = '')"
    )
