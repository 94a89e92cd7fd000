"""The command that scores texts: their style and their topics."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from worker.cli.console import CommandError, lines_from

__all__ = ["register"]

BATCH = 512
MOST_WORDS = 10
"""Words of an explanation that are told."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(epilog="""Example: [bold]echo '{"text": "Could you help me, please?"}' | eventlore score -[/]""")(score)


def score(
    file: Annotated[str, typer.Argument(help='Lines {"text": ...}; - reads standard input.')],
    explain: Annotated[
        str | None,
        typer.Option(help="Tell the words that moved this style most.", metavar="STYLE", show_default=False),
    ] = None,
) -> None:
    """Score texts: for each line one JSON line, in order, with its language, every style and the topics.

    A line may say "speaker": "agent"; else a user is taken to have written it. Scores are 0..1;
    satisfaction is of users' texts only.
    """
    from analytics import outcome, style
    from analytics import topics as topic_models
    from analytics.conversation import Conversation, Message, Turn

    if explain is not None:
        _check(explain, style.STYLES)
    told, tagger = outcome.load(), topic_models.load()
    lines = _texts(file)
    start = 0
    while batch := list(islice(lines, BATCH)):
        conversations = []
        for number, (text, speaker) in enumerate(batch, start):
            message = Message(ref=("", number), ts=0, speaker=speaker, text=text)
            turn = Turn(user=(message,), calls=(), agent=()) if speaker == "user" else Turn((), (), (message,))
            conversations.append(
                Conversation(
                    agent="", session=str(number), started_at=0, ended_at=0, messages=(message,), turns=(turn,)
                )
            )
        scored = style.rows(conversations)
        tagged = tagger.tag(conversations)
        for offset in range(len(batch)):
            own, ref = scored[offset], ("", start + offset)
            row: dict[str, Any] = {name: getattr(own[ref], name) for name in ("language", *style.STYLES)}
            row["satisfaction"] = outcome.satisfaction(told.rate(conversations[offset], own)).get(ref)
            row["topics"] = [
                {"topic_id": tag.topic_id, "label": tagger.topics[tag.topic_id].label, "score": tag.score}
                for tag in tagged[offset]
            ]
            if explain is not None:
                row["explain"] = style.load().explain(batch[offset][0], explain)[:MOST_WORDS]
            # Half a pair of surrogates, which JSON may hold and UTF-8 not, becomes its escape again.
            typer.echo(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace").decode())
        start += len(batch)


def _check(explained: str, styles: Sequence[str]) -> None:
    """Refuse a style that no words explain."""
    if explained == "satisfaction":
        reason = "satisfaction rests on the whole session, not on words alone; explained are"
    elif explained not in styles:
        reason = f"no style is called {explained!r}: there are"
    else:
        return
    raise CommandError(f"--explain: {reason} {', '.join(styles)}")


def _texts(file: str) -> Iterator[tuple[str, Any]]:
    for number, line in lines_from(file):
        where = f"{file}, line {number}"
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            raise CommandError(f"{where}: it is no JSON") from None
        text = row.get("text") if isinstance(row, dict) else None
        if not isinstance(text, str):
            raise CommandError(f'{where}: it should be {{"text": "..."}}')
        speaker = row.get("speaker", "user")
        if speaker not in {"user", "agent"}:
            raise CommandError(f"{where}: speaker should be user or agent")
        yield text, speaker
