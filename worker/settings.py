"""Where the log and the tables are: defaults, then a configuration file, then ``EVENTLORE_*`` variables.

The file is JSON, JSON5 or YAML and holds the ``gateway.eventStore`` keys that producers use, so that a gateway's own
configuration file can be given as it is. Nothing configured means: an embedded server and SQLite, in one folder.
"""

import contextlib
import difflib
import importlib.util
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

if TYPE_CHECKING:
    from models.redaction import Redactor

__all__ = [
    "AgentSettings",
    "ConfigError",
    "Design",
    "Log",
    "PublisherSettings",
    "RedactionSettings",
    "RetentionSettings",
    "Settings",
    "masked",
]


class ConfigError(ValueError):
    """The configuration cannot be used; the text says in one line what to change."""


class Design(BaseModel):
    """How a stream is made where there is none. One that is there is used as it is."""

    model_config = ConfigDict(frozen=True)

    max_messages: int = -1
    """-1: any number."""
    max_bytes: int = -1
    max_age: float = 0
    """Seconds; 0: for ever."""
    duplicate_window: float = 120
    """Seconds for which the stream knows messages by their identifiers; as producers set it."""
    replicas: int = 1
    immutable: bool = False
    """Whether nobody shall be able to delete or purge messages."""


class Log(BaseModel):
    """One JetStream stream to read and write."""

    model_config = ConfigDict(frozen=True)

    url: str | None
    """Server addresses, comma-separated; None: the embedded server."""
    stream: str
    prefix: str
    """Subjects are ``{prefix}.{agent}.{type}``."""
    agent: str = ""
    """Whose log it is, where an agent has one of its own."""
    design: Design = Design()


def _servers(value: str) -> str:
    for part in value.split(","):
        address = urlsplit(part.strip() if "://" in part else f"nats://{part.strip()}")
        if address.scheme not in {"nats", "tls", "ws", "wss"} or not address.hostname:
            raise ValueError(f"{masked(value)!r} is no server address: write nats://host:4222")
        try:
            _ = address.port
        except ValueError as error:
            raise ValueError(f"{masked(value)!r} is no server address: {error}") from None
    return value


def _stream(value: str) -> str:
    if not value or re.search(r"[\s.*>/\\]", value):
        raise ValueError(f"{value!r} is no stream name: it may not be empty or contain spaces . * > / \\")
    return value


def _prefix(value: str) -> str:
    if not value or any(not part or re.search(r"[\s*>]", part) for part in value.split(".")):
        raise ValueError(f"{value!r} is no subject prefix: write words joined by dots, such as openclaw.events")
    return value


def _database(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if not separator or scheme.split("+")[0] not in {"sqlite", "postgresql", "postgres"}:
        raise ValueError(f"{masked(value)!r} is no database address: write sqlite:///FILE or postgresql://HOST/NAME")
    if scheme in {"postgresql", "postgres"}:
        return f"postgresql+psycopg://{rest}"
    return value


Servers = Annotated[str, AfterValidator(_servers)]
StreamName = Annotated[str, AfterValidator(_stream)]
SubjectPrefix = Annotated[str, AfterValidator(_prefix)]


Limit = Annotated[int, Field(ge=-1)]
"""-1: none."""


class AgentSettings(BaseModel):
    """An agent with a log of its own; what it does not say is as for all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Servers | None = Field(None, validation_alias=AliasChoices("url", "natsUrl", "nats_url"))
    stream_name: StreamName | None = Field(None, validation_alias=AliasChoices("streamName", "stream_name"))
    subject_prefix: SubjectPrefix | None = Field(None, validation_alias=AliasChoices("subjectPrefix", "subject_prefix"))


class RedactionSettings(BaseModel):
    """How credentials are masked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    patterns: dict[str, str] = Field(default_factory=dict)
    """Further regular expressions, by the kind of what they find."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.patterns:
            self.redactor()
        return self

    def redactor(self) -> "Redactor":
        """What masks credentials.

        Raises:
            ValueError: a pattern cannot be used.
        """
        from models.redaction import Redactor  # its patterns take a while to compile

        return Redactor(self.patterns, enabled=self.enabled)


class RetentionSettings(BaseModel):
    """How much a stream keeps, as producers configure it; nothing said: everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_messages: Limit = Field(-1, validation_alias=AliasChoices("maxMessages", "max_messages"))
    max_bytes: Limit = Field(-1, validation_alias=AliasChoices("maxBytes", "max_bytes"))
    max_age_hours: float = Field(0, ge=0, le=876_000, validation_alias=AliasChoices("maxAgeHours", "max_age_hours"))
    """0: for ever."""


class PublisherSettings(BaseModel):
    """What an agent's event store keeps while its server is away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    buffer_events: int = Field(10_000, ge=1, validation_alias=AliasChoices("bufferEvents", "buffer_events"))
    """Events in memory, for each stream."""
    buffer_bytes: int = Field(32 << 20, ge=1, validation_alias=AliasChoices("bufferBytes", "buffer_bytes"))
    spool: Path | None = None
    """A folder for what cannot be sent; None: memory is all there is."""
    spool_bytes: int = Field(256 << 20, ge=1 << 16, validation_alias=AliasChoices("spoolBytes", "spool_bytes"))


class Settings(BaseSettings):
    """Everything that can be configured.

    Build it with :meth:`load`; the constructor reads the environment and no file.
    """

    model_config = SettingsConfigDict(env_prefix="EVENTLORE_", frozen=True, extra="forbid", env_ignore_empty=True)

    enabled: bool = True
    home: Path = Path("~/.eventlore")
    """Folder of all embedded state."""
    nats_url: Servers | None = None
    """None: the embedded server."""
    database_url: Annotated[str, AfterValidator(_database)] | None = None
    stream_name: StreamName = "openclaw-events"
    subject_prefix: SubjectPrefix = "openclaw.events"
    agents: dict[str, AgentSettings] = Field(default_factory=dict)
    """Agents with a log of their own, by name."""
    redaction: RedactionSettings = RedactionSettings()
    retention: RetentionSettings = Field(default_factory=lambda: RetentionSettings.model_validate({}))
    replicas: int = Field(1, ge=1, le=5)
    """Servers of a cluster that hold each stream."""
    duplicate_window_seconds: int = Field(120, ge=1)
    """How long a stream knows messages by their identifiers."""
    immutable: bool = False
    """Streams are made so that nobody can delete or purge messages, ever."""
    publisher: PublisherSettings = Field(default_factory=lambda: PublisherSettings.model_validate({}))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the base class names it
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment override what a file (the constructor's arguments) says."""
        return env_settings, init_settings

    @classmethod
    def load(cls, config: Path | Mapping[str, Any] | None = None) -> Self:
        """Settings from ``config`` (or the file that ``EVENTLORE_CONFIG`` names) and the environment.

        Args:
            config: a file, or what one holds: ``{"gateway": {"eventStore": {…}}}``, or only the innermost keys.

        Raises:
            ConfigError: a file that cannot be read, an unknown key, a value that cannot be used.
        """
        path: Path | None = None
        if isinstance(config, Mapping):
            values = _event_store(_GIVEN, config, bare=not {"gateway", "eventStore"} & config.keys())
        else:
            path = config or (Path(named) if (named := os.environ.get("EVENTLORE_CONFIG")) else None)
            values = _event_store(path, _read(path)) if path else {}
        try:
            settings = cls(**values)
        except ValidationError as error:
            raise ConfigError(_explain(error, _GIVEN if isinstance(config, Mapping) else path)) from None
        except SettingsError:
            raise ConfigError("EVENTLORE_AGENTS: it should be JSON") from None
        if (settings.database_url or "").startswith("postgresql") and not importlib.util.find_spec("psycopg"):
            raise ConfigError("PostgreSQL needs a driver: pip install 'eventlore[postgres]'")
        return settings

    @property
    def folder(self) -> Path:
        """:attr:`home` as an absolute path."""
        return self.home.expanduser().absolute()

    @property
    def database(self) -> str:
        """The database's address, as SQLAlchemy takes it."""
        return self.database_url or f"sqlite:///{self.folder / 'insights.db'}"

    @property
    def log(self) -> Log:
        """The log that agents share."""
        return Log(url=self.nats_url, stream=self.stream_name, prefix=self.subject_prefix, design=self.design)

    @property
    def design(self) -> Design:
        """How streams are made."""
        return Design(
            max_messages=self.retention.max_messages,
            max_bytes=self.retention.max_bytes,
            max_age=self.retention.max_age_hours * 3600,
            duplicate_window=self.duplicate_window_seconds,
            replicas=self.replicas,
            immutable=self.immutable,
        )

    def log_of(self, agent: str) -> Log:
        """The log of one agent: its own where the configuration gives it one, else the shared one."""
        own = self.agents.get(agent)
        if own is None:
            return self.log
        return Log(
            url=own.url or self.nats_url,
            stream=own.stream_name or self.stream_name,
            prefix=own.subject_prefix or self.subject_prefix,
            agent=agent if own.url or own.stream_name else "",
            design=self.design,
        )

    @property
    def logs(self) -> tuple[Log, ...]:
        """Every log there is, the shared one first, each stream once."""
        logs: dict[tuple[str | None, str], Log] = {}
        for log in (self.log, *map(self.log_of, sorted(self.agents))):
            logs.setdefault((log.url, log.stream), log)
        return tuple(logs.values())


def masked(url: str) -> str:
    """The address without its password, for people's eyes."""
    return re.sub(r"(://[^/@:,]*:)[^@/,]*@", r"\1***@", url)


_KEYS = {
    "enabled": "enabled",
    "url": "nats_url",
    "natsUrl": "nats_url",
    "streamName": "stream_name",
    "subjectPrefix": "subject_prefix",
    "agents": "agents",
    "redaction": "redaction",
    "retention": "retention",
    "replicas": "replicas",
    "duplicateWindowSeconds": "duplicate_window_seconds",
    "immutable": "immutable",
    "publisher": "publisher",
}
_AGENT_KEYS = ("url", "natsUrl", "streamName", "subjectPrefix")


_GIVEN = Path("configuration")
"""What stands for a file's name in what is said about a configuration that was in none."""


def _event_store(path: Path, found: Any, *, bare: bool = False) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The ``gateway.eventStore`` of a configuration, by our names; the rest is its owner's."""
    for key in () if bare else ("gateway", "eventStore"):
        if key == "gateway" and isinstance(found, Mapping) and "eventStore" in found:
            continue  # older files have it at the top
        if not isinstance(found, Mapping) or key not in found:
            raise ConfigError(f"{path}: there is no gateway.eventStore in it")
        found = found[key]
    if not isinstance(found, Mapping):
        raise ConfigError(f"{path}: gateway.eventStore should hold keys such as streamName")
    _check_keys(path, "gateway.eventStore", found, _KEYS)
    agents = found.get("agents") or {}
    if not isinstance(agents, Mapping) or not all(isinstance(one, Mapping) for one in agents.values()):
        raise ConfigError(f"{path}: gateway.eventStore.agents should hold one group of keys for each agent's name")
    for name, one in agents.items():
        _check_keys(path, f"gateway.eventStore.agents.{name}", one, _AGENT_KEYS)
    named = sorted(found.items(), key=lambda item: item[0] == "url")  # where both are given, url counts
    return {_KEYS[key]: value for key, value in named if value is not None}


def _check_keys(path: Path, where: str, found: Mapping[Any, Any], known: Mapping[str, str] | tuple[str, ...]) -> None:
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise ConfigError(f"{path}: {where}.{key} is unknown: {hint}")


def _read(path: Path) -> object:
    import yaml

    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: it is not text in UTF-8") from None
    try:
        return _json(text) if text.lstrip().startswith(("{", "//", "/*")) else yaml.safe_load(text)
    except ValueError as error:
        line, _, what = str(error).removeprefix("<string>:").partition(" ")
        raise ConfigError(f"{path}, line {line}: {what}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: {getattr(error, 'problem', None) or 'it is no YAML or JSON'}") from None


def _json(text: str) -> object:
    """JSON, JSON5 (what gateways write: comments, names without quotes), or YAML that looks like either.

    Raises:
        ValueError: it is none of them.
    """
    try:
        return json.loads(text)
    except ValueError:
        import json5
        import yaml

        try:
            return json5.loads(text)
        except ValueError:
            with contextlib.suppress(yaml.YAMLError):
                return yaml.safe_load(text)
            raise


def _explain(error: ValidationError, path: Path | None) -> str:
    """The first thing that is wrong, named as its owner wrote it."""
    first = error.errors()[0]
    field = str(first["loc"][0])
    message = first["msg"].removeprefix("Value error, ")
    variable = f"EVENTLORE_{field.upper()}"
    if os.environ.get(variable):
        return f"{variable}: {message}"
    name = next((key for key, ours in _KEYS.items() if ours == field), field)
    place = ".".join(["gateway.eventStore", name, *map(str, first["loc"][1:])])
    return f"{path}: {place}: {message}" if path else f"{field}: {message}"
