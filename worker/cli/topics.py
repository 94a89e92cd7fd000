"""Commands about topics of the user's own: teach them from labelled examples, and measure them."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.console import CommandError, Config, Json, emit, lines_from, settings_from, show_rows, store_from

__all__ = ["app"]

app = typer.Typer(help="Teach the worker your own topics, and measure how well it knows them.", no_args_is_help=True)

_NAME = re.compile(r"[\w-]+", re.ASCII)
_TAKEN = ("general", "found")
_MISSING = object()
_LINE = '{"text": "...", "label": "..."}'
_HALF = re.compile("[\ud800-\udfff]")

Examples = Annotated[str, typer.Argument(help='Lines {"text": ..., "label": ...}; label "none": no label applies.')]
Name = Annotated[str, typer.Option(help="The name of your topics: you may have several sets.")]


@app.command(epilog="Example: [bold]eventlore topics train examples.jsonl --name billing && eventlore rebuild[/]")
def train(file: Examples, name: Name = "own", config: Config = None, as_json: Json = False) -> None:
    """Learn topics from labelled examples; five a label are a start.

    The worker tags with them from then on. What it has tagged already is tagged anew by: eventlore rebuild.
    """
    from analytics.topics.learning import label_of
    from analytics.topics.learning import train as learn

    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise CommandError(f"--name {name}: use letters, digits, - and _, and not {' or '.join(_TAKEN)}")
    examples = _examples(file)
    store = store_from(settings_from(config))
    try:
        taxonomy = learn(examples)
    except ValueError as error:
        raise CommandError(f"{file}: {error}") from None
    store.save_taxonomy(name, taxonomy)
    size = len(taxonomy.to_bytes())
    none = sum(not label_of(label) for _, label in examples)
    if as_json:
        found = {"name": name, "version": taxonomy.version, "labels": taxonomy.labels}
        emit(found | {"examples": len(examples), "none": none, "bytes": size})
    else:
        of_none = f", {none:,} of them of none" if none else ""
        labels = f"{len(taxonomy.labels):,} labels from {len(examples):,} examples{of_none}"
        typer.echo(f"{name}: learned {labels} ({size / 1e6:.1f} MB); tag history with: eventlore rebuild")


@app.command("list", epilog="Example: [bold]eventlore topics list[/]")
def list_(config: Config = None, as_json: Json = False) -> None:
    """The topics of your own that the worker tags with; without any, it tags with the packaged ones."""
    taxonomies = store_from(settings_from(config)).taxonomies()
    if as_json:
        emit([{"name": name, "version": t.version, "labels": t.labels} for name, t in taxonomies.items()])
    elif taxonomies:
        show_rows(
            "Topics of your own",
            ["name", "labels"],
            [(name, len(t.labels)) for name, t in taxonomies.items()],
            numeric=1,
        )
    else:
        typer.echo("no topics of your own: the packaged ones are used")


@app.command(epilog="Example: [bold]eventlore topics forget billing && eventlore rebuild[/]")
def forget(name: Annotated[str, typer.Argument(help="The name of a set of topics.")], config: Config = None) -> None:
    """Tag no longer with these topics. What is tagged already is tagged anew by: eventlore rebuild."""
    store = store_from(settings_from(config))
    if not store.forget_taxonomy(name):
        known = ", ".join(store.taxonomies()) or "none"
        raise CommandError(f"there are no topics named {name} (known: {known})")
    typer.echo(f"{name}: forgotten; tag history anew with: eventlore rebuild")


@app.command(epilog="Example: [bold]eventlore topics evaluate held-out.jsonl --name billing --json[/]")
def evaluate(file: Examples, name: Name = "own", config: Config = None, as_json: Json = False) -> None:
    """Measure learned topics on labelled examples that they were not learned from.

    macro_f1 and accuracy are of texts that have a label; none_auroc is of telling those that have none.
    """
    from analytics.topics.evaluation import evaluate as measure

    examples = _examples(file)
    taxonomies = store_from(settings_from(config)).taxonomies()
    if name not in taxonomies:
        known = ", ".join(taxonomies) or "none"
        raise CommandError(f"there are no topics named {name} (known: {known}): run eventlore topics train")
    try:
        found = measure(taxonomies[name], examples)._asdict()
    except ValueError as error:
        raise CommandError(f"{file}: {error}") from None
    if as_json:
        emit(found)
        return
    for what, value in found.items():
        typer.echo(f"{what:14}{'-' if value is None else value}")


def _examples(file: str) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    shown = "standard input" if file == "-" else Path(file)
    for number, line in lines_from(file):
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            raise CommandError(f"{shown}, line {number}: it is no JSON; each line is {_LINE}") from None
        text, label = (row.get("text"), row.get("label", _MISSING)) if isinstance(row, dict) else (None, _MISSING)
        if not isinstance(text, str) or not isinstance(label, str | None):
            raise CommandError(f"{shown}, line {number}: it should be {_LINE}; null says that no label applies")
        if not text.isprintable() and _HALF.search(text):
            raise CommandError(f"{shown}, line {number}: its text has half of a character, an escape such as \\ud800")
        found.append((text, label))
    return found
