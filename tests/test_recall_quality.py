"""How well recall finds what answers a question, on conversations that its weights were not learned on (LoCoMo)."""

import gzip
import json
from itertools import groupby

from analytics.conversation import fold
from analytics.insights import Insights
from analytics.recall.entries import entries
from analytics.training.recall import cases, left_out, recall_at
from models import tables
from models.dialects import decode
from worker.database import upsert, writing
from worker.store import Store
from worker.sync import as_rows

EVERY = 5
"""Of so many questions one is asked, so that the test takes seconds; of those that are answered in several sessions, all."""
SEVERAL = 1


def test_recall_finds_the_evidence_of_questions_about_conversations_it_was_not_tuned_on(data, tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'locomo.db'}")
    store.migrate()
    lines = gzip.decompress((data / "memory/locomo-dev.events.jsonl.gz").read_bytes()).splitlines()
    events = [decode(line, stream="locomo", seq=seq) for seq, line in enumerate(lines, 1)]
    store.record(events)
    in_sessions = sorted(events, key=lambda e: (e.agent, e.session))
    with writing(store.engine) as connection:
        for _, session in groupby(in_sessions, key=lambda e: (e.agent, e.session)):
            said = list(session)
            upsert(connection, tables.entries, as_rows(entries(said, fold(said))))
    every = [json.loads(q) for q in (data / "memory/locomo-dev.questions.jsonl").read_text("utf-8").splitlines()]
    several = [q for q in every if q["category"] == SEVERAL]
    sample = [q for at, q in enumerate(every) if at % EVERY == 0 and q not in several]
    ids = {(event.stream, event.seq): event.id for event in events}
    results = left_out(cases(Insights(store.engine).reader, [*several, *sample], ids))
    store.close()
    assert recall_at(results, 10, lambda case: case.category == SEVERAL) >= 0.42
    weighed = [one for at, one in enumerate(results) if one[0].category != SEVERAL or at % EVERY == 0]
    assert recall_at(weighed, 10) >= 0.74
    assert recall_at(weighed, 5) >= 0.63
