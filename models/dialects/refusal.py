"""Why a message is no event."""

__all__ = ["Refusal"]


class Refusal(ValueError):  # noqa: N818 - it is the message that is at fault
    """A message that cannot be read as an event; its text is a reason that a person understands, on one line."""

    def __init__(self, reason: str) -> None:
        line = " ".join(reason.replace("\x00", "\ufffd").split())
        super().__init__(line if len(line) <= 300 else line[:299] + "…")
