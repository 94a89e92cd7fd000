"""days of agents and of their styles, and the indexes that pages about a year need"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STYLES = ("politeness", "formality", "directness", "verbosity", "sentiment", "frustration", "hedging", "question")
COUNTS = ("messages", "turns", "tool_calls", "tool_errors", "run_errors", "outcome", "outcome_squares")
INDEXES = {
    "session_days": (["topic_id", "day"],),
    "topic_days": (["topic_id", "day", "sessions", "messages"], ["agent", "topic_id", "day"]),
    "signal_days": (["agent", "kind", "day"],),
    "signals": (["kind", "session"],),
}


def upgrade() -> None:
    op.create_table(
        "agent_days",
        *_key(),
        sa.Column("sessions", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        sa.PrimaryKeyConstraint("day", "agent", name=op.f("pk_agent_days")),
    )
    op.create_table(
        "style_days",
        *_key(),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _sums()),
        sa.PrimaryKeyConstraint("day", "agent", name=op.f("pk_style_days")),
    )
    op.drop_column("session_days", "styles")
    for table, indexes in INDEXES.items():
        for columns in indexes:
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns, unique=False)
    _count_what_is_there()


def _key() -> list[sa.Column[object]]:
    return [
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
    ]


def _sums() -> list[str]:
    of_sides = [[f"{side}_sessions", *_of(side, STYLES)] for side in ("agent", "user")]
    return [*of_sides[0], *of_sides[1], "rated_sessions", *_of("user", ("satisfaction",))]


def _of(side: str, styles: Sequence[str]) -> list[str]:
    return [f"{side}_{style}{sums}" for style in styles for sums in ("", "_squares")]


def _count_what_is_there() -> None:
    """Let the worker derive anew what all sessions show together."""
    op.get_bind().exec_driver_sql(
        "INSERT INTO pending (agent, session, touched, attempts, reason) "
        "SELECT '', '', 0, 0, '' WHERE EXISTS (SELECT 1 FROM sessions) "
        "AND NOT EXISTS (SELECT 1 FROM pending WHERE agent = '' AND session = '')"
    )
