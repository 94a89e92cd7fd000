"""OpenAI-style chats: ChatGPT's export, and ``{"messages": [...]}`` as the API takes them, alone, listed or in lines.

ChatGPT's ``conversations.json`` holds each conversation as a tree, of which the branch that ends at ``current_node`` is
the one that was gone on with. Files of the API's messages say no time, unless somebody added one: such messages are
one second apart, from the time of the file's last change. Nor do they name conversations: one is known by its file's
name and its place there.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import ijson
import orjson

from models.dialects.failures import failure
from models.dialects.own import VERSION, Own, Source
from models.dialects.texts import plain
from models.events import Kind
from worker.importers.base import Event, File, Memory, Record, identifier, lines, loads, made, moment, opened

__all__ = ["FORMAT", "read", "recognises"]

FORMAT = "OpenAI chat"

_SOURCE = "openai-chat"
_BOM = b"\xef\xbb\xbf"
_BLANK = _BOM + b" \t\r\n"
_Object = dict[str, Any]


class _Chat(NamedTuple):
    """One conversation."""

    id: str
    agent: str
    ts: int
    """When it began (Unix milliseconds)."""


def recognises(file: File) -> bool:
    """Whether its beginning has what conversations are made of."""
    head = file.head.lstrip(_BLANK)
    if head[:1] not in (b"[", b"{"):
        return False
    api = b'"messages"' in head and b'"role"' in head
    return api or (b'"mapping"' in head and (b'"title"' in head or b'"author"' in head)) or _is_message_list(head)


def _is_message_list(head: bytes) -> bool:
    return head[:1] == b"[" and b'"role"' in head and b'"content"' in head


def read(file: File, memory: Memory) -> Iterator[Record]:  # noqa: ARG001 - an export says all
    """The events of each conversation, a record each message."""
    written = int(file.path.stat().st_mtime * 1000)
    number = 0
    for place, value in _conversations(file):
        if isinstance(value, str):
            number += 1
            yield Record(place, [], value)
            continue
        for record in _conversation(value, place, file, written):
            number += 1
            yield Record(place, [], record.refused) if record.refused else record


def _conversations(file: File) -> Iterator[tuple[int, Any]]:
    """Each conversation with its line or number; a text instead says why one cannot be read."""
    if _in_lines(file):
        for line in lines(file.path):
            if isinstance(line, Record):
                yield line.place, line.refused
                continue
            try:
                yield line[0], loads(line[1])
            except ValueError as error:
                yield line[0], str(error)
        return
    number = 0
    listed = file.head.lstrip(_BLANK).startswith(b"[")
    chat: list[Any] = []
    try:
        with opened(file.path) as stream:
            if file.head.startswith(_BOM):
                stream.read(len(_BOM))
            for value in ijson.items(stream, "item" if listed else "", use_float=True):
                number += 1
                if listed and isinstance(value, dict) and "role" in value and "messages" not in value:
                    chat.append(value)  # the list is one conversation's messages
                else:
                    yield number, value
    except (ijson.JSONError, UnicodeDecodeError) as error:
        yield number + 1, f"no JSON from here on: {str(error).splitlines()[0]}"
    if chat:
        yield 1, {"messages": chat}


def _in_lines(file: File) -> bool:
    first, newline, _ = file.head.partition(b"\n")
    if file.path.suffixes and ".jsonl" in file.path.suffixes:
        return True
    try:
        return bool(newline) and isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
        return False


def _conversation(value: object, place: int, file: File, written: int) -> Iterator[Record]:
    if not isinstance(value, dict):
        yield Record(place, [], f"no conversation but a JSON {type(value).__name__}")
    elif isinstance(mapping := value.get("mapping"), dict):
        began = moment(value.get("create_time"), value.get("update_time")) or written
        identity = str(value.get("conversation_id") or value.get("id") or identifier(repr(sorted(mapping))))
        yield from _tree(_Chat(identity, file.agent or "chatgpt", began), mapping, value.get("current_node"))
    elif isinstance(messages := value.get("messages"), list):
        began = moment(*(value.get(key) for key in ("created", "created_at", "create_time", "timestamp"))) or written
        named = value.get("id") or value.get("conversation_id") or value.get("session_id")
        identity = str(named or identifier(file.name, str(place))[:16])
        yield from _listed(_Chat(identity, file.agent or "assistant", began), messages)
    else:
        yield Record(place, [], "no conversation: neither mapping nor messages")


def _listed(chat: _Chat, messages: list[Any]) -> Iterator[Record]:
    """A conversation as the API takes it."""
    tools: dict[str, str] = {}
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict):
            yield Record(number, [], f"message {number} of conversation {chat.id}: no object")
            continue
        said = moment(*(message.get(key) for key in ("created_at", "created", "create_time", "timestamp")))
        ts = said or chat.ts + (number - 1) * 1000
        yield Record(number, _api_message(chat, message, ts, number, tools))


def _api_message(chat: _Chat, message: _Object, ts: int, number: int, tools: dict[str, str]) -> list[Event]:
    role, content = message.get("role"), message.get("content")
    text = plain(content)
    rest = {key: item for key, item in message.items() if key not in ("role", "content", "tool_calls")}
    told: list[Own] = []
    entry = identifier(str(number), orjson.dumps(message, default=str).decode())[:16]

    def tell(kind: Kind, **fields: Any) -> None:  # noqa: ANN401
        told.append(_own(chat, kind, entry, ts, number, part=len(told), **fields))

    if role == "user":
        tell(Kind.MESSAGE_IN, text=text)
    elif role == "assistant":
        if text.strip() or (refused := plain(message.get("refusal"))):
            tell(Kind.MESSAGE_OUT, text=text if text.strip() else refused)
        calls = message.get("tool_calls")
        legacy = message.get("function_call")
        for call in [*(calls if isinstance(calls, list) else []), *([{"function": legacy}] if legacy else [])]:
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                name, identity = str(function.get("name") or "unknown")[:200], str(call.get("id") or "")
                tools[identity] = name
                tell(Kind.TOOL_CALL, name=name, call=identity, arguments=_arguments(function.get("arguments")))
    elif role in ("tool", "function"):
        identity = str(message.get("tool_call_id") or "")
        name = str(message.get("name") or tools.get(identity) or "unknown")[:200]
        tell(Kind.TOOL_RESULT, name=name, call=identity, text=text, error=failure(text))
    if not told:
        tell(Kind.OTHER, name=str(role)[:200], text=text)
    told[0].data = rest or None
    return list(map(made, told))


def _arguments(value: object) -> object:
    """Arguments come as JSON in a string, which models do not always close."""
    if isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _tree(chat: _Chat, mapping: _Object, current: object) -> Iterator[Record]:
    """A conversation of ChatGPT's export; its branches that were left are kept as ``other``."""
    kept = set()
    node = current
    while isinstance(node, str) and node in mapping and node not in kept:
        kept.add(node)
        node = mapping[node].get("parent") if isinstance(mapping[node], dict) else None
    ordered = _by_time(mapping, chat.ts)
    for number, (ts, name, message) in enumerate(ordered, 1):
        own = _export_message(chat, message, ts, name, number)
        if kept and name not in kept:
            own.data = {"kind": own.type, **(own.data or {})}
            own.type, own.name = Kind.OTHER.value, "abandoned"
        yield Record(number, [made(own)])


def _by_time(mapping: _Object, began: int) -> list[tuple[int, str, _Object]]:
    """The messages in order of time; one that does not say its time has its parent's."""
    times: dict[str, int] = {}

    def time_of(name: str) -> int:
        chain = []
        at: object = name
        while isinstance(at, str) and isinstance(node := mapping.get(at), dict) and at not in times:
            message = node.get("message")
            times[at] = moment(message.get("create_time")) if isinstance(message, dict) else 0
            if times[at]:
                break
            chain.append(at)
            at = node.get("parent")
        found = times.get(at, 0) if isinstance(at, str) else 0
        for waiting in chain:
            times[waiting] = found or began
        return times[name]

    messages = [
        (time_of(name), name, node["message"])
        for name, node in mapping.items()
        if isinstance(node, dict) and isinstance(node.get("message"), dict)
    ]
    return sorted(messages, key=lambda told: told[0])  # stable: the export's order where times are equal


def _export_message(chat: _Chat, message: _Object, ts: int, name: str, number: int) -> Own:
    author = message.get("author")
    role = author.get("role") if isinstance(author, dict) else None
    content = message.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    text = plain(parts) if isinstance(parts, list) else plain(content)
    recipient = message.get("recipient")
    metadata = message.get("metadata")
    data = {"content_type": content.get("content_type") if isinstance(content, dict) else None}
    if isinstance(metadata, dict) and metadata.get("model_slug"):
        data["model"] = metadata["model_slug"]
    if role == "user" and not _is_instruction(data["content_type"], metadata):
        return _own(chat, Kind.MESSAGE_IN, name, ts, number, text=text, data=data)
    if role == "assistant" and isinstance(recipient, str) and recipient not in ("all", ""):
        return _own(chat, Kind.TOOL_CALL, name, ts, number, name=recipient[:200], arguments=_arguments(text), data=data)
    if role == "assistant" and data["content_type"] in ("text", "multimodal_text", None) and text.strip():
        return _own(chat, Kind.MESSAGE_OUT, name, ts, number, text=text, data=data)
    if role == "tool":
        tool = str(author.get("name") or "unknown")[:200] if isinstance(author, dict) else "unknown"
        return _own(chat, Kind.TOOL_RESULT, name, ts, number, name=tool, text=text, error=failure(text), data=data)
    return _own(chat, Kind.OTHER, name, ts, number, name=str(role)[:200], text=text, data=data)


def _is_instruction(content_type: object, metadata: object) -> bool:
    """Whether what stands there as the user's is what they once wrote in their settings, put before every chat."""
    hidden = isinstance(metadata, dict) and (
        metadata.get("is_user_system_message") is True or metadata.get("is_visually_hidden_from_conversation") is True
    )
    return hidden or content_type == "user_editable_context"


def _own(chat: _Chat, kind: Kind, entry: str, ts: int, number: int, **fields: Any) -> Own:  # noqa: ANN401
    part = fields.pop("part", 0)
    return Own(
        eventlore=VERSION,
        id=identifier(_SOURCE, chat.id, entry, str(part)),
        ts=ts,
        agent=chat.agent,
        session=f"agent:{chat.agent}:chat:{chat.id}"[:900],
        type=kind.value,
        order=number * 1000 + part,
        source=Source(_SOURCE, chat.id, entry),
        **fields,
    )
