"""an index of the sessions in which a call failed"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    failed = sa.text("tool_errors > 0")
    op.create_index("ix_sessions_failed", "sessions", ["started_at"], sqlite_where=failed, postgresql_where=failed)
