"""The ``eventlore`` command. Each group of commands has a file of its own; heavy imports happen inside commands."""

import os
import signal
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from worker.cli import (
    audit,
    context,
    dashboard,
    demo,
    dlq,
    follow,
    history,
    import_,
    insights,
    pipeline,
    report,
    score,
    stream,
    streams,
    topics,
)
from worker.cli.console import CommandError, Exit

__all__ = ["app", "main"]

app = typer.Typer(
    name="eventlore",
    help="Learns from what AI agents did: from their event log to insight tables.",
    epilog="Exit codes: 0 done · 1 done, and something is wrong (lines refused, tables differ) · 2 wrong argument, "
    "configuration or input · 3 the log or the database cannot be used · 70 a bug · 130 interrupted",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (demo, pipeline, stream, import_, follow, history, context, score, dashboard, report):
    part.register(app)
app.add_typer(insights.app, name="insights")
app.add_typer(topics.app, name="topics")
app.add_typer(streams.app, name="stream")
app.add_typer(dlq.app, name="dlq")
app.add_typer(audit.app, name="audit")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"eventlore {version('eventlore')}")
        raise typer.Exit


@app.callback()
def _eventlore(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; every failure is one line on standard error and an exit code."""
    try:
        code = _run()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader had enough (as in `| head`): end as programs do that SIGPIPE ends, without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    sys.exit(code)


def _run() -> int:
    command = typer.main.get_command(app)
    if "_EVENTLORE_COMPLETE" in os.environ:  # the shell asks how a line could go on
        command.main(prog_name="eventlore")
    try:
        # Not main(), which has its own ways with a reader that left and with Ctrl-C.
        with command.make_context("eventlore", sys.argv[1:]) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("EVENTLORE_DEBUG"):
            raise
        message, code = _said(error)
        typer.echo(f"eventlore: {message}", err=True)
        return int(code)
    return Exit.OK


def _said(error: BaseException) -> tuple[str, int]:
    """What ended the command, in one line, and the exit code for it."""
    if isinstance(error, TyperException):
        return f"{error.format_message()} (eventlore --help shows how)", Exit.USAGE
    if isinstance(error, CommandError):
        return str(error), error.code
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "interrupted", 128 + signal.SIGINT
    if known := _known(error):
        return known, Exit.UNAVAILABLE
    what = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {what} (a bug: EVENTLORE_DEBUG=1 shows where)", Exit.BUG


def _known(error: BaseException) -> str:
    """A failure of the world around us, in words; empty when it is none."""
    for cls in type(error).__mro__:
        name = f"{cls.__module__.partition('.')[0]}.{cls.__name__}"
        if name == "sqlalchemy.DBAPIError":
            cause = str(getattr(error, "orig", error)).strip().partition("\n")[0]
            return f"the database cannot be used: {cause}"
        if name in {"worker.LogError", "worker.EmbeddedError"}:
            return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'system'}: {error.strerror or error}"
    return ""
