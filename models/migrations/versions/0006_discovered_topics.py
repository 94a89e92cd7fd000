"""discovered topics and trends"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TOPICS = (("source", "packaged"), ("example_stream", ""), ("example_seq", "0"), ("parent", ""), ("merged_into", ""))


def upgrade() -> None:
    op.create_table(
        "discovered_models",
        sa.Column("mark", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("inputs", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_discovered_models")),
    )
    op.create_table(
        "topic_trends",
        sa.Column("topic_id", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("ratio", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("recent", sa.Integer(), nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Float(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic_id", name=op.f("pk_topic_trends")),
    )
    # What is there already has no discovered topics yet.
    op.add_column("sessions", sa.Column("found", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("sessions", sa.Column("topic_model", sa.String(), nullable=False, server_default=""))
    for name, value in TOPICS:
        kind = sa.BigInteger() if name == "example_seq" else sa.String()
        op.add_column("topics", sa.Column(name, kind, nullable=False, server_default=value))


def downgrade() -> None:
    for name, _ in TOPICS:
        op.drop_column("topics", name)
    op.drop_column("sessions", "topic_model")
    op.drop_column("sessions", "found")
    op.drop_table("topic_trends")
    op.drop_table("discovered_models")
