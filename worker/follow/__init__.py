"""The live way in from files: what agents write to disk is in the log a moment later."""

from worker.follow.beside import following
from worker.follow.run import follow

__all__ = ["follow", "following"]
