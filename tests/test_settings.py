"""Settings: what is configured where, and what is said when it is wrong."""

import json
from pathlib import Path

import pytest

from worker.settings import ConfigError, Log, Settings, masked


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "HOME", "NATS_URL", "DATABASE_URL", "STREAM_NAME", "SUBJECT_PREFIX", "AGENTS", "ENABLED"):
        monkeypatch.delenv(f"EVENTLORE_{name}", raising=False)


@pytest.fixture
def config(tmp_path: Path):
    def write(text: str, name: str = "openclaw.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def failure(path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        Settings.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_configured_means_one_folder_in_the_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    settings = Settings.load()
    assert settings.folder == Path("/home/ada/.eventlore")
    assert settings.database == "sqlite:////home/ada/.eventlore/insights.db"
    assert settings.logs == (Log(url=None, stream="openclaw-events", prefix="openclaw.events"),)


def test_the_keys_of_a_gateway_are_read_from_its_own_file(config):
    path = config(
        """
        gateway:
          port: 18789
          eventStore:
            enabled: true
            url: nats://log:4222
            streamName: lore
            subjectPrefix: lore.events
            agents:
              ada:
                url: nats://ada:secret@log:4222
                streamName: lore-ada
                subjectPrefix: lore.events.ada
              bob:
                streamName: lore-bob
        plugins: {anything: goes}
        """
    )
    settings = Settings.load(path)
    assert settings.log_of("ada") == Log(
        url="nats://ada:secret@log:4222", stream="lore-ada", prefix="lore.events.ada", agent="ada"
    )
    assert settings.log_of("bob") == Log(url="nats://log:4222", stream="lore-bob", prefix="lore.events", agent="bob")
    assert settings.log_of("eve") == settings.log
    assert [log.stream for log in settings.logs] == ["lore", "lore-ada", "lore-bob"]


def test_json_is_read_too_and_the_older_key_for_the_address(config):
    store = {"natsUrl": "nats://old:4222"}
    path = config(json.dumps({"gateway": {"eventStore": store}}), "openclaw.json")
    assert Settings.load(path).nats_url == "nats://old:4222"
    store["url"] = "nats://new:4222"
    path = config(json.dumps({"gateway": {"eventStore": store}}), "openclaw.json")
    assert Settings.load(path).nats_url == "nats://new:4222"


def test_the_environment_overrides_the_file_and_names_it(config, monkeypatch):
    path = config("gateway: {eventStore: {url: nats://file:4222, streamName: file}}")
    monkeypatch.setenv("EVENTLORE_CONFIG", str(path))
    monkeypatch.setenv("EVENTLORE_NATS_URL", "nats://variable:4222")
    settings = Settings.load()
    assert (settings.nats_url, settings.stream_name) == ("nats://variable:4222", "file")


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("EVENTLORE_NATS_URL", "")
    assert Settings.load().nats_url is None


@pytest.mark.parametrize(
    "given", ["postgresql://u:p@db/lore", "postgres://u:p@db/lore", "postgresql+psycopg://u:p@db/lore"]
)
def test_postgresql_is_spoken_to_with_psycopg(monkeypatch, given):
    monkeypatch.setenv("EVENTLORE_DATABASE_URL", given)
    assert Settings.load().database == "postgresql+psycopg://u:p@db/lore"


def test_a_missing_driver_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setenv("EVENTLORE_DATABASE_URL", "postgresql://db/lore")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert failure() == "PostgreSQL needs a driver: pip install 'eventlore[postgres]'"


def test_an_unknown_key_is_named_with_the_nearest_known_one(config):
    path = config("gateway: {eventStore: {streamname: x}}")
    assert failure(path) == f"{path}: gateway.eventStore.streamname is unknown: did you mean streamName?"
    path = config("gateway: {eventStore: {agents: {ada: {subjectprefix: x}}}}")
    assert (
        failure(path) == f"{path}: gateway.eventStore.agents.ada.subjectprefix is unknown: did you mean subjectPrefix?"
    )
    path = config("gateway: {eventStore: {zzz: x}}")
    known = "enabled, url, natsUrl, streamName, subjectPrefix, agents, redaction, retention, "
    known += "replicas, duplicateWindowSeconds, immutable, publisher"
    assert failure(path).endswith(f"zzz is unknown: known are {known}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gateway: {}", "there is no gateway.eventStore in it"),
        ("[1, 2]", "there is no gateway.eventStore in it"),
        ("gateway: {eventStore: 3}", "gateway.eventStore should hold keys such as streamName"),
        ("gateway: {eventStore: {agents: [ada]}}", "should hold one group of keys for each agent's name"),
        ("gateway: {eventStore: {streamName: a.b}}", "'a.b' is no stream name: it may not be empty or contain spaces"),
        ("gateway: {eventStore: {subjectPrefix: 'a.>'}}", "'a.>' is no subject prefix: write words joined by dots"),
        ("gateway: {eventStore: {url: 'http://x'}}", "'http://x' is no server address: write nats://host:4222"),
        (
            "gateway: {eventStore: {agents: {ada: {url: 'nats://h:x'}}}}",
            "gateway.eventStore.agents.ada.url: 'nats://h:x'",
        ),
        ("gateway: {eventStore: {enabled: perhaps}}", "gateway.eventStore.enabled: Input should be a valid boolean"),
        ("gateway: {eventStore: {", "line 1: "),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_one_line(config, text, said):
    path = config(text)
    message = failure(path)
    assert message.startswith(str(path))
    assert said in message


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    assert failure(tmp_path / "none.yaml") == f"{tmp_path}/none.yaml: No such file or directory"
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    assert failure(tmp_path / "bytes") == f"{tmp_path}/bytes: it is not text in UTF-8"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("NATS_URL", "redis://x", "EVENTLORE_NATS_URL: 'redis://x' is no server address: write nats://host:4222"),
        (
            "DATABASE_URL",
            "mysql://u:secret@x/y",
            "EVENTLORE_DATABASE_URL: 'mysql://u:***@x/y' is no database address: write sqlite:///FILE or postgresql:",
        ),
        ("AGENTS", "ada", "EVENTLORE_AGENTS: it should be JSON"),
    ],
)
def test_what_is_wrong_in_a_variable_names_the_variable(monkeypatch, name, value, said):
    monkeypatch.setenv(f"EVENTLORE_{name}", value)
    assert failure().startswith(said)


def test_passwords_are_masked():
    assert masked("nats://a:b@h1:1,nats://c:d@h2:2") == "nats://a:***@h1:1,nats://c:***@h2:2"
    assert masked("postgresql://lore:p@db/x") == "postgresql://lore:***@db/x"
    assert masked("nats://h:4222") == "nats://h:4222"
