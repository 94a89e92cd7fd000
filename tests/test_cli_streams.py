"""Streams: made as configured, used as they are, and compared with the configuration."""

import asyncio
import json
import os
import sys
from typing import Any

import pytest
from log_server import jetstream
from nats.errors import Error
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from worker.cli import main

CONFIGURED = """
gateway:
  eventStore:
    streamName: lore
    subjectPrefix: lore.all
    retention: {maxAgeHours: 720, maxBytes: 100000000}
    duplicateWindowSeconds: 300
    agents:
      ada: {streamName: lore-ada, subjectPrefix: lore.ada}
      bob: {subjectPrefix: lore.all.bob}
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path, nats_url):
    for name in [name for name in os.environ if name.startswith("EVENTLORE_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "lore.yaml"
    config.write_text(CONFIGURED)
    monkeypatch.setenv("EVENTLORE_CONFIG", str(config))
    monkeypatch.setenv("EVENTLORE_NATS_URL", nats_url)

    def run(*arguments: str, code: int = 0) -> Any:
        monkeypatch.setattr(sys, "argv", ["eventlore", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert int(ended.value.code or 0) == code, said
        return json.loads(said.out) if "--json" in arguments else (said.out, said.err)

    return run


def ask(url: str, what: str, *arguments: Any, **options: Any) -> Any:
    async def answer() -> Any:
        async with jetstream(url) as js:
            return await getattr(js, what)(*arguments, **options)

    return asyncio.run(answer())


def test_streams_are_made_as_configured_one_for_each_agent_that_has_one(run, nats_url):
    assert run("stream", "create", "--json") == [
        {"stream": "lore", "agent": "", "made": True},
        {"stream": "lore-ada", "agent": "ada", "made": True},
    ]
    config = ask(nats_url, "stream_info", "lore-ada").config
    assert (config.subjects, config.storage, config.discard) == (["lore.ada.>"], StorageType.FILE, DiscardPolicy.OLD)
    assert (config.max_age, config.max_bytes, config.duplicate_window) == (720 * 3600, 100_000_000, 300)
    assert (config.deny_delete, config.deny_purge) == (False, False)
    shown = run("stream", "show", "--agent", "ada", "--json")[0]
    assert (shown["stream"], shown["messages"], shown["max_age_seconds"]) == ("lore-ada", 0, 720 * 3600)
    assert "lore.ada.>" in run("stream", "show")[0]
    assert run("stream", "check")[0] == "lore: as configured\nlore-ada: as configured\n"


def test_a_stream_that_is_there_is_used_as_it_is(run, nats_url):
    made = ask(nats_url, "add_stream", name="lore", subjects=["lore.all.>", "more.>"], duplicate_window=120).config
    assert run("stream", "create")[0].startswith("lore: was there and stays as it is")
    assert ask(nats_url, "stream_info", "lore").config == made


def test_what_differs_is_said_with_its_risk(run, nats_url):
    odd = StreamConfig(
        name="lore",
        subjects=["other.>"],
        storage=StorageType.MEMORY,
        retention=RetentionPolicy.INTEREST,
        discard=DiscardPolicy.NEW,
        max_msgs=5000,
        max_msgs_per_subject=7,
        max_msg_size=1000,
        max_bytes=500_000_000,
        no_ack=True,
        duplicate_window=120,
        deny_delete=True,
        deny_purge=True,
    )
    ask(nats_url, "add_stream", odd)
    shared, own = run("stream", "check", "--json", code=1)
    assert [(d["setting"], d["configured"], d["found"]) for d in shared["differences"]] == [
        ("subjects", "lore.all.>", "other.>"),
        ("acknowledges", "yes", "no"),
        ("largest message", "any", "1,000 bytes"),
        ("storage", "file", "memory"),
        ("retention", "limits", "interest"),
        ("messages a subject", "any", "7"),
        ("maximum age", "30 days", "no limit"),
        ("maximum bytes", "100,000,000 bytes", "500,000,000 bytes"),
        ("maximum messages", "no limit", "5,000"),
        ("discard", "old", "new"),
        ("immutable", "no", "yes"),
        ("duplicate window", "5 minutes", "2 minutes"),
    ]
    risks = {d["setting"]: d["risk"] for d in shared["differences"]}
    assert risks["maximum messages"] == "older events vanish earlier: rebuild and audit find gaps"
    assert risks["maximum bytes"] == "it keeps more than it should"
    assert risks["storage"] == "when the server restarts, everything is gone"
    assert own["differences"][0]["risk"].endswith("eventlore stream create")
    out, _ = run("stream", "check", code=1)
    assert "more than 2 minutes is stored twice" in " ".join(out.split())
    assert run("stream", "create", code=3) == ("", "eventlore: stream lore takes other.>, not lore.all.>\n")


def test_an_immutable_stream_takes_a_second_word(run, nats_url):
    out, err = run("stream", "create", "--immutable", code=2)
    assert (out, "cannot be changed back" in err) == ("", True)
    assert err.endswith("eventlore: nothing was made: say --yes to make an immutable stream\n")
    _, err = run("stream", "create", "--agent", "ada", "--immutable", "--yes")
    assert "nobody will be able to delete or purge a message" in err
    with pytest.raises(Error):
        ask(nats_url, "purge_stream", "lore-ada")
    [own] = run("stream", "check", "--agent", "ada", "--json", code=1)
    assert [(d["setting"], d["found"]) for d in own["differences"]] == [("immutable", "yes")]


def test_wrong_questions_get_one_line(run, nats_server):
    assert run("stream", "show", code=3)[1] == "eventlore: there is no stream lore: eventlore stream create makes it\n"
    message = "eventlore: the configuration gives no agent 'eve' a stream\n"
    assert run("stream", "check", "--agent", "eve", code=2)[1] == message
    nats_server.kill()
    assert run("stream", "check", code=3)[1].startswith("eventlore: no connection to nats://127.0.0.1:")
