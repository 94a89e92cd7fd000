"""One method for each kind of event that an agent can tell."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, TypedDict, Unpack

from models.events import Kind, Visibility

__all__ = ["Kinds", "More"]


class More(TypedDict, total=False):
    """What can be said of any event."""

    agent: str
    """Whose it is, where the session key does not say."""
    ts: int | datetime
    """When it happened, in Unix milliseconds; else now."""
    visibility: Visibility | str
    """Who may read it; else ``internal``."""
    run: str
    """What identifies the run that it belongs to."""
    data: Any
    """What no other field holds; anything that JSON can say."""


class Kinds(ABC):
    """Events, told by name.

    Every method returns the event's identifier. ``session`` is the session's key, ``agent:<agent>:<rest>``; the agent
    is taken from it.
    """

    @abstractmethod
    def tell(
        self,
        kind: Kind,
        *,
        session: str = "",
        name: str = "",
        text: str = "",
        call: str = "",
        arguments: Any = None,  # noqa: ANN401 - JSON
        error: str = "",
        **more: Unpack[More],
    ) -> str:
        """An event of any kind."""

    def message_in(self, *, session: str, text: str, **more: Unpack[More]) -> str:
        """A person's message to the agent."""
        return self.tell(Kind.MESSAGE_IN, session=session, text=text, **more)

    def message_out(self, *, session: str, text: str, error: str = "", **more: Unpack[More]) -> str:
        """The agent's reply, whole; ``error`` says why it could not be delivered."""
        return self.tell(Kind.MESSAGE_OUT, session=session, text=text, error=error, **more)

    def tool_call(
        self,
        *,
        session: str,
        name: str,
        arguments: Any = None,  # noqa: ANN401 - JSON
        call: str = "",
        **more: Unpack[More],
    ) -> str:
        """A call of a tool. Give the result the same ``call``: yours or, where you give none, what is returned."""
        return self.tell(Kind.TOOL_CALL, session=session, name=name, arguments=arguments, call=call, **more)

    def tool_result(
        self, *, session: str, name: str, call: str = "", text: str = "", error: str = "", **more: Unpack[More]
    ) -> str:
        """What a tool gave; ``error`` says why it failed, empty: it did not."""
        return self.tell(Kind.TOOL_RESULT, session=session, name=name, call=call, text=text, error=error, **more)

    def run_start(self, *, session: str, text: str = "", **more: Unpack[More]) -> str:
        """The agent begins to work; ``text`` is its prompt."""
        return self.tell(Kind.RUN_START, session=session, text=text, **more)

    def run_end(self, *, session: str, **more: Unpack[More]) -> str:
        """The agent is done."""
        return self.tell(Kind.RUN_END, session=session, **more)

    def run_error(self, *, session: str, error: str, **more: Unpack[More]) -> str:
        """The agent's work, or a model's, failed."""
        return self.tell(Kind.RUN_ERROR, session=session, error=error or "failed", **more)

    def model_input(self, *, session: str, name: str = "", **more: Unpack[More]) -> str:
        """A model, of that name, is asked."""
        return self.tell(Kind.MODEL_INPUT, session=session, name=name, **more)

    def model_output(self, *, session: str, name: str = "", **more: Unpack[More]) -> str:
        """A model answered; ``data`` may hold what it used."""
        return self.tell(Kind.MODEL_OUTPUT, session=session, name=name, **more)

    def session_start(self, *, session: str, **more: Unpack[More]) -> str:
        """A conversation begins."""
        return self.tell(Kind.SESSION_START, session=session, **more)

    def session_end(self, *, session: str, **more: Unpack[More]) -> str:
        """A conversation ends."""
        return self.tell(Kind.SESSION_END, session=session, **more)

    def session_reset(self, *, session: str, text: str = "", **more: Unpack[More]) -> str:
        """A conversation begins anew under the same key; ``text`` says why."""
        return self.tell(Kind.SESSION_RESET, session=session, text=text, **more)

    def compaction_start(self, *, session: str, **more: Unpack[More]) -> str:
        """What was said is about to be summed up, to make room."""
        return self.tell(Kind.COMPACTION_START, session=session, **more)

    def compaction_end(self, *, session: str, text: str = "", **more: Unpack[More]) -> str:
        """What was said was summed up; ``text`` is the summary."""
        return self.tell(Kind.COMPACTION_END, session=session, text=text, **more)

    def gateway(self, *, name: str, text: str = "", **more: Unpack[More]) -> str:
        """Something about the program that runs agents: it starts, it stops."""
        return self.tell(Kind.GATEWAY, name=name, text=text, **more)

    def memory(self, *, name: str, text: str, session: str = "", **more: Unpack[More]) -> str:
        """A note of that name that the agent wrote for later."""
        return self.tell(Kind.MEMORY, session=session, name=name, text=text, **more)

    def other(self, *, name: str, session: str = "", text: str = "", **more: Unpack[More]) -> str:
        """Anything else; it is kept and not analysed."""
        return self.tell(Kind.OTHER, session=session, name=name, text=text, **more)
