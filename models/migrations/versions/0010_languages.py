"""as which language each message was scored"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # Of what was scored before it was not kept.
    op.add_column("message_styles", sa.Column("language", sa.String(), nullable=False, server_default=""))
