"""Commands about streams: make them, show them, compare them with the configuration."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.console import CommandError, Config, Exit, Json, emit, note, settings_from, show_rows
from worker.cli.stream import served

if TYPE_CHECKING:
    from nats.js import JetStreamContext

    from worker.settings import Log

__all__ = ["app"]

app = typer.Typer(
    help="Streams that hold the log: make them, show them, compare them with the configuration.", no_args_is_help=True
)

WARNING = (
    "An immutable stream cannot be changed back: nobody will be able to delete or purge a message, not even one that "
    "somebody has a right to have erased (eventlore audit forget will not remove it from the log). Only the whole "
    "stream can be deleted."
)

Agent = Annotated[
    str, typer.Option(help="Only the stream of this agent; else every stream of the configuration.", show_default=False)
]


@app.command(epilog="Example: [bold]eventlore stream create[/]  ·  [bold]eventlore stream create --immutable --yes[/]")
def create(
    agent: Agent = "",
    immutable: Annotated[
        bool, typer.Option("--immutable", help="Let nobody delete or purge messages, ever; as immutable: true does.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm what cannot be undone.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make the configured streams: in files, with the configured retention and duplicate window.

    A stream that is there is used as it is; eventlore stream check tells what that means. Other commands make a
    missing stream, too, but never an immutable one.
    """
    from worker.connection import ensure_stream

    immutable = immutable or settings_from(config).immutable
    if immutable:
        note(f"Warning: {WARNING}")
        if not yes:
            raise CommandError("nothing was made: say --yes to make an immutable stream")

    async def make(js: "JetStreamContext", log: "Log") -> dict[str, Any]:
        return {"stream": log.stream, "agent": log.agent, "made": await ensure_stream(js, log, immutable=immutable)}

    done = _each(config, agent, make)
    if as_json:
        emit(done)
        return
    for one in done:
        said = "made" if one["made"] else "was there and stays as it is: eventlore stream check compares it"
        typer.echo(f"{one['stream']}: {said}")


@app.command(epilog="Example: [bold]eventlore stream show --json[/]")
def show(agent: Agent = "", config: Config = None, as_json: Json = False) -> None:
    """Show the streams as they are: what they take, keep and hold."""
    found = _each(config, agent, _shown)
    if as_json:
        emit(found)
        return
    for one in found:
        rows = [(name.replace("_", " "), _plain(value)) for name, value in one.items() if name != "stream"]
        show_rows(one["stream"], ["what", "value"], rows)


@app.command(epilog="Example: [bold]eventlore stream check[/]")
def check(agent: Agent = "", config: Config = None, as_json: Json = False) -> None:
    """Compare the streams with the configuration: what differs, and what that risks. Exit code 1: something does."""
    from nats.js.errors import NotFoundError

    from worker.streams import differences

    async def compare(js: "JetStreamContext", log: "Log") -> dict[str, Any]:
        try:
            found = (await js.stream_info(log.stream)).config
        except NotFoundError:
            missing = {"setting": "stream", "configured": log.stream, "found": "none"}
            risk = "what producers send that do not make it is lost: eventlore stream create"
            return {"stream": log.stream, "agent": log.agent, "differences": [missing | {"risk": risk}]}
        return {"stream": log.stream, "agent": log.agent, "differences": [d._asdict() for d in differences(log, found)]}

    done = _each(config, agent, compare)
    if as_json:
        emit(done)
    else:
        for one in done:
            rows = [(d["setting"], d["configured"], d["found"], d["risk"]) for d in one["differences"]]
            if rows:
                show_rows(one["stream"], ["setting", "configured", "found", "what that risks"], rows)
            else:
                typer.echo(f"{one['stream']}: as configured")
    if any(one["differences"] for one in done):
        raise typer.Exit(Exit.FINDINGS)


def _each(
    config: Path | None, agent: str, ask: "Callable[[JetStreamContext, Log], Awaitable[dict[str, Any]]]"
) -> list[dict[str, Any]]:
    """What is answered for each stream of the configuration."""
    from nats.errors import Error
    from nats.js.errors import NotFoundError

    from worker.connection import LogError, connected

    settings = settings_from(config)
    if agent and agent not in settings.agents:
        raise CommandError(f"the configuration gives no agent {agent!r} a stream")

    async def answer(logs: "list[Log]") -> list[dict[str, Any]]:
        done = []
        for log in logs:
            async with connected(log.url or "") as client:
                try:
                    done.append(await ask(client.jetstream(timeout=3), log))
                except NotFoundError:
                    raise LogError(f"there is no stream {log.stream}: eventlore stream create makes it") from None
                except (Error, TimeoutError) as error:
                    raise LogError(f"the server does not answer about {log.stream}: {error}") from None
        return done

    with served(settings, [settings.log_of(agent)] if agent else settings.logs) as logs:
        return asyncio.run(answer(logs))


async def _shown(js: "JetStreamContext", log: "Log") -> dict[str, Any]:
    from worker.streams import is_immutable

    info = await js.stream_info(log.stream)
    state, config = info.state, info.config
    return {
        "stream": log.stream,
        "agent": log.agent,
        "subjects": config.subjects or [],
        "storage": config.storage,
        "retention": config.retention,
        "discard": config.discard,
        "max_messages": config.max_msgs,
        "max_bytes": config.max_bytes,
        "max_age_seconds": config.max_age or 0,
        "duplicate_window_seconds": config.duplicate_window,
        "replicas": config.num_replicas,
        "immutable": is_immutable(config),
        "messages": state.messages,
        "bytes": state.bytes,
        "first_seq": state.first_seq,
        "last_seq": state.last_seq,
        "consumers": state.consumer_count,
    }


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
