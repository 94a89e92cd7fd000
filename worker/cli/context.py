"""The command that shows what a new session should know."""

from typing import Annotated

import typer

from worker.cli.console import CommandError, Config, Json, emit, settings_from, store_from

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(epilog="Example: [bold]eventlore context --agent coder --about 'database migration'[/]")(context)


def context(
    agent: Annotated[str, typer.Option(help="Whose context.")],
    session: Annotated[str, typer.Option(help="The session key that it is for.", show_default=False)] = "",
    about: Annotated[str, typer.Option(help="What the session is about.", show_default=False)] = "",
    budget: Annotated[
        int, typer.Option(min=80, max=32_000, help="Tokens (cl100k_base) that the block may have.")
    ] = 1_000,
    now: Annotated[
        str | None,
        typer.Option(
            help="Count ages to this time and leave out what came later: 2026-03-01T14:00.", show_default=False
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What an agent should know before a session: Markdown for its prompt, every line with its age, source and reason.

    The agent sees its own memory and what others made public. Each call is noted in context_log.
    """
    from analytics.insights import moment
    from worker.context import as_document, hand_over

    settings = settings_from(config)
    try:
        at = None if now is None else moment(now)
    except ValueError as error:
        raise CommandError(str(error)) from None
    block = hand_over(
        store_from(settings), agent=agent, session=session, about=about, budget=budget, now=at, way="command"
    )
    if as_json:
        emit(as_document(block))
    else:
        typer.echo(block.markdown, nl=False)
