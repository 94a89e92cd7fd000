"""A model that says what it is told to: an OpenAI-style server on loopback that streams scripted answers."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

__all__ = ["SUMMARY", "Answer", "StubModel"]


class Answer(NamedTuple):
    """What the model does when it is asked: say something, call tools, or fail."""

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    error: str = ""
    """Then it answers with status 400."""


SUMMARY = Answer("Summary: the user and the agent worked on small tasks; nothing is open.")


class StubModel:
    """Answers the user's last message in a request, one step further after each round of tool results.

    Args:
        script: the answers to each user message, by a text that the message contains.
    """

    def __init__(self, script: Mapping[str, Sequence[Answer]]) -> None:
        self._script = script
        self.unknown: list[list[tuple[str, str]]] = []
        """The ends of conversations that the script did not know."""
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = model.answer(body["messages"])
                if answer.error:
                    self._send(400, "application/json", json.dumps({"error": {"message": answer.error}}).encode())
                elif body.get("stream"):
                    events = (f"data: {json.dumps(chunk)}\n\n" for chunk in _chunks(answer))
                    self._send(200, "text/event-stream", ("".join(events) + "data: [DONE]\n\n").encode())
                else:
                    self._send(200, "application/json", json.dumps(_whole(answer)).encode())

            def _send(self, status: int, kind: str, data: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, messages: Sequence[Mapping[str, Any]]) -> Answer:
        """The script's answer to the last message that it knows; when it knows none, as when asked to summarise, its own.

        Gateways add messages of their own behind the user's.
        """
        for at in range(len(messages) - 1, -1, -1):
            said = _text(messages[at]["content"]) if messages[at]["role"] == "user" else ""
            known = [phrase for phrase in self._script if phrase in said]
            if len(known) > 1:
                break  # a conversation to summarise
            if known:
                rounds = sum(message["role"] == "assistant" for message in messages[at:])
                answers = self._script[known[0]]
                return answers[min(rounds, len(answers) - 1)]
        self.unknown.append([(message["role"], _text(message["content"])[-600:]) for message in messages[-3:]])
        return SUMMARY


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content)
    return str(content)


def _calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"index": index, "id": f"call_{time.time_ns()}_{index}", "type": "function",
         "function": {"name": name, "arguments": json.dumps(arguments)}}
        for index, (name, arguments) in enumerate(answer.calls)
    ]  # fmt: skip


_USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


def _chunks(answer: Answer) -> Iterator[dict[str, Any]]:
    """The answer as it streams: a few words at a time, then the calls, then the end."""
    head = {"id": f"chatcmpl-{time.time_ns()}", "object": "chat.completion.chunk", "created": int(time.time()),
            "model": "stub"}  # fmt: skip

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    words = answer.text.split(" ") if answer.text else []
    for at in range(0, len(words), 4):
        yield chunk({"content": (" " if at else "") + " ".join(words[at : at + 4])})
    if answer.calls:
        yield chunk({"tool_calls": _calls(answer)})
    yield chunk({}, "tool_calls" if answer.calls else "stop") | {"usage": _USAGE}


def _whole(answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text or None}
    if answer.calls:
        message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in _calls(answer)]  # type: ignore[assignment]
    finish = "tool_calls" if answer.calls else "stop"
    return {"id": f"chatcmpl-{time.time_ns()}", "object": "chat.completion", "created": int(time.time()),
            "model": "stub", "choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": _USAGE}  # fmt: skip
