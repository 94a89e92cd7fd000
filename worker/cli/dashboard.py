"""The command that serves the dashboard, and the options that decide who may see it."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.console import CommandError, Config, Exit, log_to_stderr, note, settings_from, store_from

if TYPE_CHECKING:
    from worker.dashboard.access import Access
    from worker.settings import Log, Settings
    from worker.store import Store

__all__ = [
    "PORT",
    "AgentTokens",
    "AllowHosts",
    "Host",
    "Port",
    "ProxyHeader",
    "Token",
    "access_from",
    "beside",
    "register",
]

PORT = 8420

Host = Annotated[
    str, typer.Option(envvar="EVENTLORE_DASHBOARD_HOST", help="Address to serve on; any but loopback needs a token.")
]
Port = Annotated[
    int, typer.Option(envvar="EVENTLORE_DASHBOARD_PORT", min=0, max=65535, help="Port of the dashboard; 0: any free.")
]
Token = Annotated[
    str,
    typer.Option(
        envvar="EVENTLORE_DASHBOARD_TOKEN", help="Who shows it may see all.", show_default=False, metavar="TOKEN"
    ),
]
AgentTokens = Annotated[
    list[str] | None,
    typer.Option(
        "--agent-token",
        envvar="EVENTLORE_DASHBOARD_AGENT_TOKENS",
        help="Who shows this token sees what the agent may see; can be repeated.",
        metavar="AGENT=TOKEN",
        show_default=False,
    ),
]
ProxyHeader = Annotated[
    str,
    typer.Option(
        envvar="EVENTLORE_DASHBOARD_PROXY_HEADER",
        help="Header by which a reverse proxy says whom it let in; it must drop the header of others.",
        metavar="NAME",
        show_default=False,
    ),
]
AllowHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        envvar="EVENTLORE_DASHBOARD_HOSTS",
        help="A name that the dashboard goes by; can be repeated.",
        metavar="NAME",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(epilog="Example: [bold]eventlore dashboard --port 8000[/]")(dashboard)


def dashboard(
    host: Host = "127.0.0.1",
    port: Port = PORT,
    token: Token = "",
    agent_tokens: AgentTokens = None,
    proxy_header: ProxyHeader = "",
    allow_hosts: AllowHosts = None,
    config: Config = None,
) -> None:
    """Serve the pages that show what was learned, until it is stopped (SIGTERM or Ctrl-C)."""
    from worker.dashboard.serving import address, listen, serve

    access = access_from(host, token, agent_tokens, proxy_header, allow_hosts)
    settings = settings_from(config)
    store = store_from(settings)
    log_to_stderr()
    try:
        listening = listen(host, port)
    except OSError as error:
        raise CommandError(
            f"cannot serve on {host} port {port}: {_why(error)}",
            Exit.UNAVAILABLE,
        ) from None
    with listening:
        note(f"the dashboard is at {address(host, listening)} (Ctrl-C ends it)")
        serve(settings.database, store, access, lambda: found_logs(settings), listening)


def access_from(
    host: str, token: str, agent_tokens: Sequence[str] | None, proxy_header: str, allow_hosts: Sequence[str] | None
) -> "Access":
    """Who is let in, or a usage error that says what is missing."""
    from worker.dashboard.access import Access, is_loopback

    agents: dict[str, str] = {}
    for one in agent_tokens or ():
        agent, _, secret = one.partition("=")
        if not agent or not secret:
            raise CommandError(f"--agent-token {agent or one!r}: write AGENT=TOKEN")
        agents[secret] = agent
    access = Access(host, token, agents, proxy_header, tuple(allow_hosts or ()))
    if access.open and not is_loopback(host):
        raise CommandError(f"everybody could read along on {host}: give --token (or --proxy-header behind a proxy)")
    if token in agents:
        raise CommandError("--token and --agent-token must differ")
    return access


def found_logs(settings: "Settings") -> "list[Log]":
    """The logs with their servers' addresses; the embedded server's only while one runs."""
    from worker.embedded import running

    embedded = None if all(log.url for log in settings.logs) else running(settings.folder)
    return [log if log.url or not embedded else log.model_copy(update={"url": embedded.url}) for log in settings.logs]


@contextlib.contextmanager
def beside(
    settings: "Settings", store: "Store", access: "Access", logs: "Callable[[], Sequence[Log]]", port: int
) -> Iterator[str]:
    """The dashboard beside other work; gives its address, empty where the port is taken: then the work goes on without."""
    from worker.dashboard import serving

    try:
        listening = serving.listen(access.host, port)
    except OSError as error:
        note(f"no dashboard: port {port} of {access.host}: {_why(error)}; --port names another")
        yield ""
        return
    with listening, serving.beside(settings.database, store, access, logs, listening):
        yield serving.address(access.host, listening)


def _why(error: OSError) -> str:
    """Why an address cannot be had, without saying the address again."""
    return str(error.strerror or error).partition(" (while")[0]
