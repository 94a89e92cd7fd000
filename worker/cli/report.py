"""The command that writes what was learned as one page to mail."""

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.console import CommandError, Config, Exit, settings_from

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(epilog="Example: [bold]eventlore report --since 7d -o report.html[/]")(report)


def report(
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write; - is standard output.")] = Path(
        "report.html"
    ),
    since: Annotated[str, typer.Option(help="From then on: 7d (before the latest day), 2026-03-01.")] = "",
    until: Annotated[str, typer.Option(help="The last day that counts, 2026-03-31.")] = "",
    agent: Annotated[str, typer.Option(help="Only this agent.")] = "",
    topic: Annotated[str, typer.Option(help="Only this topic, by its id.")] = "",
    config: Config = None,
) -> None:
    """Write what was learned as one page that needs nothing else: to read offline, print, or mail."""
    from analytics.insights import Insights
    from worker.dashboard.filters import FilterError
    from worker.dashboard.report import report as write

    settings = settings_from(config)
    try:
        db = Insights.open(settings.database)
        text = write(db.reader.engine, since=since, until=until, agent=agent, topic=topic)
    except FileNotFoundError as error:
        raise CommandError(str(error), Exit.UNAVAILABLE) from None
    except FilterError as error:
        raise CommandError(str(error)) from None
    db.close()
    if str(output) == "-":
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{output}: {error.strerror}") from None
    typer.echo(f"{output}: {len(text) / 1000:,.0f} kB")
