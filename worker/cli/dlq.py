"""Commands about dead letters: messages that could not be read as events."""

from typing import Annotated

import typer

from worker.cli.console import Config, Json, emit, log_to_stderr, settings_from, show_rows, store_from

__all__ = ["app"]

app = typer.Typer(help="Messages that could not be read as events: list them, or try them again.", no_args_is_help=True)


@app.command("list", epilog="Example: [bold]eventlore dlq list --json[/]")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = 50,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show what was set aside, and why."""
    store = store_from(settings_from(config))
    letters = store.dead_letters()
    if as_json:
        fields = ("stream", "seq", "subject", "reason")
        emit(
            [
                {name: getattr(one, name) for name in fields}
                | {"bytes": len(one.data), "data": one.data.decode(errors="replace")}
                for one in letters[:limit]
            ]
        )
        return
    if not letters:
        typer.echo("no dead letters")
        return
    rows = [
        (one.seq, one.reason, one.data[:60].decode(errors="replace"), f"{len(one.data):,}") for one in letters[:limit]
    ]
    show_rows(f"{len(letters):,} dead letters", ["seq", "reason", "begins with", "bytes"], rows, numeric=1)


@app.command(epilog="Example: [bold]eventlore dlq replay[/]")
def replay(config: Config = None, as_json: Json = False) -> None:
    """Try every dead letter again, and take into the insights what can be read by now."""
    from worker.replay import replay as try_again

    store = store_from(settings_from(config))
    log_to_stderr()
    revived, kept = try_again(store)
    if as_json:
        emit({"revived": revived, "kept": kept})
    else:
        typer.echo(f"{revived:,} revived, {kept:,} still cannot be read")
