"""Events as producers write them: the forms A, C and D of OpenClaw's event stores, with their quirks."""

import hashlib
import json
import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from worker.demo.screenplay import Call, Mark, Result, Say, Scene

__all__ = ["Wire", "gateway", "wire_of"]

Timed = tuple[int, dict[str, Any]]
"""Unix milliseconds and an event."""

_CANONICAL = {
    "msg.in": "message.in.received",
    "msg.sending": "message.out.sending",
    "tool.call": "tool.call.requested",
    "tool.result": "tool.call.executed",
    "run.end": "run.ended",
    "llm.input": "model.input.observed",
    "llm.output": "model.output.observed",
    "session.start": "session.started",
    "session.end": "session.ended",
    "session.reset": "session.reset",
    "session.compaction_start": "session.compaction.started",
    "session.compaction_end": "session.compaction.ended",
    "gateway.start": "gateway.started",
    "gateway.stop": "gateway.stopped",
}
_OMITTED = {"llm.input": ["systemPrompt", "prompt", "historyMessages"], "llm.output": ["assistantTexts"]}
_CONFIDENTIAL = ("msg.", "tool.")


def drawn(*key: object) -> str:
    """64 hexadecimal digits that look random and are the same in every run."""
    return hashlib.sha256(":".join(map(str, key)).encode()).hexdigest()


def identifier(*key: object) -> str:
    """A UUID, the same in every run."""
    return str(uuid.UUID(drawn(*key)[:32], version=4))


def between(low: int, high: int, *key: object) -> int:
    """A whole number from ``low`` to ``high``, the same in every run."""
    return low + int(drawn("between", *key)[:12], 16) % (high - low + 1)


@dataclass(slots=True)
class Wire(ABC):
    """Tells a scene as a producer would; its clock moves with what is told."""

    scene: Scene
    key: str
    """The session key."""
    now: int = 0
    run: str = ""
    number: int = 0
    """Of the events told so far."""
    run_events: int = 0
    heard: str = ""
    """What the user said last."""
    asked_at: int = 0
    history: int = 0
    draft: list[Timed] = field(default_factory=list)

    def tell(self) -> Iterator[Timed]:
        """Every event of the scene, in order of time."""
        self.now = self.scene.at
        self.begin()
        for step in self.scene.steps:
            match step:
                case Say(speaker, text) if speaker == self.scene.agent:
                    self.wait(1800, 5200)
                    self.reply(text)
                    self.history += 1
                case Say(speaker, text):
                    self.end_run()
                    self.wait(15_000, 95_000)
                    self.heard, self.asked_at = text, self.now
                    self.history += 1
                    self.start_run(speaker, text)
                case Call():
                    self.wait(700, 3200)
                    self.call(step)
                case Result():
                    self.wait(150, 4200)
                    self.result(step)
                case Mark("later", detail):
                    self.end_run()
                    self.now += int(detail[:-1]) * {"m": 60, "h": 3600, "d": 86400}[detail[-1]] * 1000
                case Mark():
                    self.wait(300, 900)
                    self.mark(step)
        self.end_run()
        yield from self.draft

    def wait(self, low: int, high: int) -> None:
        """Let between ``low`` and ``high`` milliseconds pass."""
        self.now += between(low, high, self.key, self.number, "wait")

    def add(self, event: dict[str, Any]) -> None:
        """Write an event down with the time it is."""
        self.draft.append((self.now, event))
        self.number += 1

    @abstractmethod
    def begin(self) -> None:
        """What comes before the first message."""

    @abstractmethod
    def start_run(self, speaker: str, text: str) -> None:
        """Somebody else spoke, and the agent begins to work on it."""

    @abstractmethod
    def reply(self, text: str) -> None:
        """The agent spoke."""

    @abstractmethod
    def call(self, call: Call) -> None:
        """The agent called a tool."""

    @abstractmethod
    def result(self, result: Result) -> None:
        """A tool came back."""

    @abstractmethod
    def mark(self, mark: Mark) -> None:
        """Something happened beside the talk."""

    @abstractmethod
    def end_run(self) -> None:
        """Nothing more comes of a run; a second call does nothing."""

    def call_id(self, call: Call) -> str:
        return f"call_{drawn(self.key, call.number, 'call')[:24]}"


def _content(result: Result) -> dict[str, Any]:
    """A tool's result as OpenClaw gives it; a failed command is ``completed`` and no error."""
    if result.error:
        about = {"status": "error", "tool": result.call.tool, "error": result.error}
        return {"content": [{"type": "text", "text": json.dumps(about, indent=2)}], "details": about}
    if result.call.tool != "exec":
        return {"content": [{"type": "text", "text": result.text}]}
    text = result.text
    if result.exit_code:
        text += f"\n\n(Command exited with code {result.exit_code})"
    details = {"status": "completed", "exitCode": result.exit_code, "aggregated": result.text}
    return {"content": [{"type": "text", "text": text}], "details": details}


class WireA(Wire):
    """The event store as proposed for OpenClaw: replies come as snapshots, and every agent is called "agent"."""

    def _emit(self, kind: str, stream: str, data: dict[str, Any]) -> None:
        self.run_events += 1
        payload = {"runId": self.run, "seq": self.run_events, "stream": stream, "ts": self.now, "data": data}
        self.add(
            {
                "id": f"{self.now:x}-{drawn(self.key, self.number, 'id')[:8]}",
                "timestamp": self.now,
                "agent": "agent",
                "session": self.key,
                "type": kind,
                "visibility": "internal",
                "payload": payload | {"sessionKey": self.key},
                "meta": {"runId": self.run, "seq": self.run_events, "stream": stream},
            }
        )

    def begin(self) -> None:
        self.run = ""  # a session begins with its first run

    def start_run(self, speaker: str, text: str) -> None:  # noqa: ARG002 - this form does not say who wrote
        self.run, self.run_events = identifier(self.key, self.number, "run"), 0
        self._emit("lifecycle.start", "lifecycle", {"phase": "start", "startedAt": self.now})
        self._emit("conversation.message.in", "user", {"text": text})

    def reply(self, text: str) -> None:
        words = re.findall(r"\S+\s*", text)
        step = max(6, -(-len(words) // 5))
        for end in [*range(step, len(words), step), len(words)]:
            said = "".join(words[:end]).rstrip()
            delta = "".join(words[end - step if end % step == 0 else end - end % step : end])
            self._emit("conversation.message.out", "assistant", {"text": said, "delta": delta.rstrip()})
            self.wait(120, 420)

    def call(self, call: Call) -> None:
        named = {"name": call.tool, "toolCallId": self.call_id(call)}
        self._emit("conversation.tool_call", "tool", {"phase": "start", **named, "args": call.arguments})

    def result(self, result: Result) -> None:
        named = {"name": result.call.tool, "toolCallId": self.call_id(result.call)}
        if result.call.tool == "exec":
            partial = {"content": [{"type": "text", "text": result.text.partition("\n")[0][:40]}]}
            self._emit("conversation.tool_call", "tool", {"phase": "update", **named, "partialResult": partial})
            self.wait(50, 400)
        data = {"phase": "result", **named, "isError": bool(result.error), "result": _content(result)}
        self._emit("conversation.tool_result", "tool", data)

    def mark(self, mark: Mark) -> None:
        if mark.kind == "compaction":
            self._emit("conversation.message.out", "compaction", {"phase": "start"})
            self.wait(4000, 9000)
            self._emit("conversation.message.out", "compaction", {"phase": "end", "willRetry": False})
        elif mark.kind == "run error":
            self._emit("lifecycle.error", "lifecycle", {"phase": "error", "error": mark.detail, "endedAt": self.now})
            self.run = ""
        else:
            raise ValueError(f"this form has no {mark.kind}")

    def end_run(self) -> None:
        if self.run:
            ended = {"phase": "end", "startedAt": self.asked_at, "endedAt": self.now}
            self._emit("lifecycle.end", "lifecycle", ended)
            self.run = ""


class WireD(Wire):
    """The plugin before 0.2.2: message events say that their agent is "agent", and nothing says who may read it."""

    def _emit(self, kind: str, payload: dict[str, Any], *, tool: str = "") -> None:
        unique = identifier(self.key, self.number, "event")
        agent = "agent" if kind.startswith("msg.") else self.scene.agent
        event = {"id": unique, "ts": self.now, "agent": agent, "session": self.key, "type": kind}
        self.add(self._dressed(event, kind, payload, tool) | {"payload": payload})

    def _dressed(self, event: dict[str, Any], kind: str, payload: dict[str, Any], tool: str) -> dict[str, Any]:
        """The envelope with what later versions add."""
        del kind, payload, tool
        return event

    def begin(self) -> None:
        self._emit("session.start", {"sessionId": self._session_id})
        self.wait(200, 900)

    @property
    def _session_id(self) -> str:
        return identifier(self.key, "session")

    @property
    def _channel(self) -> str:
        return self.key.split(":")[2]

    def start_run(self, speaker: str, text: str) -> None:
        metadata = {"provider": self._channel, "surface": self._channel, "originatingTo": self.key}
        metadata |= {"messageId": f"m-{drawn(self.key, self.number)[:10]}", "senderId": speaker, "senderName": speaker}
        said = {"from": f"{self._channel}:{speaker}", "content": text, "timestamp": self.now, "channel": self._channel}
        self._emit("msg.in", said | {"metadata": metadata})
        self.wait(40, 300)
        self.run = identifier(self.key, self.number, "run")
        about = {"systemPromptLength": 18_211, "promptLength": len(text), "historyMessageCount": self.history}
        self._emit("llm.input", self._model() | about | {"imagesCount": 0})

    def _model(self) -> dict[str, Any]:
        return {"runId": self.run, "sessionId": self._session_id, "provider": "local", "model": "demo-model"}

    def reply(self, text: str) -> None:
        self._finish([text])
        self.wait(20, 90)
        self._emit("msg.sending", {"to": self.key, "content": text, "channel": self._channel})

    def _finish(self, texts: list[str]) -> None:
        if not self.run:
            return
        ended = {"success": True, "durationMs": self.now - self.asked_at, "messageCount": self.history}
        self._emit("run.end", ended)
        self.wait(5, 30)
        about = {"assistantTextCount": len(texts), "assistantTextTotalLength": sum(map(len, texts))}
        usage = {"input": 4100 + 60 * self.history, "output": 12 + sum(map(len, texts)) // 4}
        self._emit("llm.output", self._model() | about | {"usage": usage})
        self.run = ""

    def call(self, call: Call) -> None:
        self._emit("tool.call", {"toolName": call.tool, "params": call.arguments}, tool=self.call_id(call))

    def result(self, result: Result) -> None:
        said = {"toolName": result.call.tool, "params": result.call.arguments, "result": _content(result)}
        if result.error:
            said["error"] = result.error
        took = {"durationMs": between(40, 4000, self.key, self.number, "took")}
        self._emit("tool.result", said | took, tool=self.call_id(result.call))

    def mark(self, mark: Mark) -> None:
        if mark.kind == "compaction":
            self._emit("session.compaction_start", {"messageCount": self.history, "tokenCount": 90 * self.history})
            self.wait(4000, 9000)
            self._emit("session.compaction_end", {"messageCount": 2, "compactedCount": max(0, self.history - 2)})
        elif mark.kind == "reset":
            self.end_run()
            self._emit("session.end", {"sessionId": self._session_id, "messageCount": self.history})
            self._emit("session.start", {"sessionId": self._session_id, "resumedFrom": self._session_id})
            self._emit("session.reset", {"reason": mark.detail})
        else:
            raise ValueError(f"this form has no {mark.kind}")

    def end_run(self) -> None:
        self._finish([])


class WireC(WireD):
    """The plugin from 0.2.2: canonical types, who may read it, and identifiers that calls of one run share."""

    def _dressed(self, event: dict[str, Any], kind: str, payload: dict[str, Any], tool: str) -> dict[str, Any]:
        about: dict[str, Any] = {"canonicalType": _CANONICAL[kind]}
        if kind == "tool.result" and "error" in payload:
            about["canonicalType"] = "tool.call.failed"
        if about["canonicalType"] != kind:
            about["legacyType"] = kind
        about |= {"schemaVersion": 1, "source": {"plugin": "nats-eventstore"}}
        told = self._of_message if kind.startswith("msg.") else self._of_run if self.run else self._of_session
        about |= told(event, kind, payload)
        if tool:
            about["scope"]["toolCallId"] = tool
        about["visibility"] = "confidential" if kind.startswith(_CONFIDENTIAL) else "internal"
        if kind in _OMITTED:
            about["redaction"] = {"applied": True, "omittedFields": _OMITTED[kind]}
        return event | about

    def _of_message(self, event: dict[str, Any], kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        event["id"] = f"evt-{drawn(self.key, self.number)[:16]}"
        scope = {"sessionKey": self.key}
        who = {}
        if kind == "msg.in":
            scope["messageId"] = payload["metadata"]["messageId"]
            who["userId"] = payload["metadata"]["senderId"]
        actor = {"agentId": event["agent"], **who, "channel": self._channel}
        return {"actor": actor, "scope": scope, "trace": {"correlationId": self.key}}

    def _of_session(self, event: dict[str, Any], kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        del kind, payload
        scope = {"sessionKey": self.key, "sessionId": self._session_id}
        return {"actor": {"agentId": event["agent"]}, "scope": scope, "trace": {"correlationId": self._session_id}}

    def _of_run(self, event: dict[str, Any], kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        event["id"] = f"evt-{drawn(self.run, kind, payload.get('toolName'))[:16]}"
        found = self._of_session(event, kind, payload)
        found["scope"]["runId"] = self.run
        found["trace"] = {"correlationId": self.run}
        if kind != "tool.result":
            span = {"spanId": drawn(self.key, self.number)[:16], "parentSpanId": drawn(self.run, "span")[:16]}
            found["trace"] = {"traceId": drawn(self.run)[:32], **span, "correlationId": self.run}
        return found


def gateway(at: int) -> Iterator[Timed]:
    """A gateway that is restarted, and comes back with the newer plugin."""
    stop = {"id": identifier(at, "stop"), "ts": at, "agent": "system", "session": "system", "type": "gateway.stop"}
    yield at, stop | {"payload": {"reason": "gateway stopping"}}
    start = stop | {"id": identifier(at, "start"), "ts": at + 9000, "type": "gateway.start"}
    start |= {"canonicalType": "gateway.started", "legacyType": "gateway.start", "schemaVersion": 1}
    start |= {"source": {"plugin": "nats-eventstore"}, "actor": {}, "scope": {}, "trace": {}, "visibility": "internal"}
    yield at + 9000, start | {"payload": {"port": 18789}}


def wire_of(scene: Scene, key: str) -> Wire:
    """The producer of a scene."""
    producers: dict[str, type[WireA | WireD]] = {"A": WireA, "C": WireC, "D": WireD}
    return producers[scene.dialect](scene, key)
