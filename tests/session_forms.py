"""A session's events and what its conversation shows, in short, for tests."""

from wire_forms import a, read

from analytics.conversation import Conversation
from models.events import Event


def log(*messages: dict[str, object]) -> list[Event]:
    return [read(message, seq=seq) for seq, message in enumerate(messages, 1)]


def said(conversation: Conversation) -> list[tuple[str, str]]:
    return [(message.speaker, message.text) for message in conversation.messages]


def user(text, at, **more):
    return a("conversation.message.in", "user", {"text": text}, at=at, order=at, **more)


def reply(text, at, **more):
    return a("conversation.message.out", "assistant", {"text": text}, at=at, order=at, **more)


def call(name, at, id_="c1", **more):
    data = {"phase": "start", "name": name, "toolCallId": id_, "args": more.pop("args", {})}
    return a("conversation.tool_call", "tool", data, at=at, order=at, **more)


def result(name, at, id_="c1", said_="ok", **more):
    data = {"phase": "result", "name": name, "toolCallId": id_, "isError": False, "result": said_}
    return a("conversation.tool_result", "tool", data, at=at, order=at, **more)


def pairs(conversation: Conversation) -> list[tuple[str, int, int | None, str]]:
    return [(one.tool, one.ref[1], one.result and one.result[1], one.error) for one in conversation.calls]


def shape(conversation: Conversation) -> list[tuple[list[str], list[str], list[str], list[str]]]:
    return [
        (
            [message.text for message in turn.user],
            [one.tool for one in turn.calls],
            [message.text for message in turn.agent],
            [mark.kind.value for mark in turn.marks],
        )
        for turn in conversation.turns
    ]
