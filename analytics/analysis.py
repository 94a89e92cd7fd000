"""All analysers composed: events of sessions in, their rows out; all rows in, what they show together out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import msgspec

from analytics import gaps, outcome, patterns, recall, signals, style, topics
from analytics.conversation import Conversation, Ref, fold
from analytics.days import Days, Sign
from analytics.topics import About, TopicModel
from analytics.topics.schedule import Chain
from analytics.topics.trends import Uses, trends
from models.dialects import user_of
from models.events import Event
from models.rows import (
    AgentDay,
    Entry,
    EventTopic,
    MessageStyle,
    Pattern,
    SessionDay,
    SessionRow,
    Signal,
    SignalDay,
    SkillGap,
    SkillUse,
    StyleDay,
    Topic,
    TopicDay,
    TopicTrend,
)

__all__ = ["Overview", "SessionInsights", "analyse_sessions", "overview", "topic_spans", "with_found"]

MOST_EVENTS = 50_000
"""A session's latest events that are analysed; bounds the memory that one endless session can take."""


@dataclass(frozen=True, slots=True)
class SessionInsights:
    """What one session shows."""

    session: SessionRow
    styles: list[MessageStyle]
    topics: list[EventTopic]
    signals: list[Signal]
    uses: list[SkillUse]
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Overview:
    """What all sessions show together."""

    topics: list[Topic]
    trends: list[TopicTrend]
    signals: list[Signal]
    """Signals that only several sessions show: failures that recur."""
    gaps: list[SkillGap]
    patterns: list[Pattern]
    session_days: list[SessionDay]
    agent_days: list[AgentDay]
    style_days: list[StyleDay]
    topic_days: list[TopicDay]
    signal_days: list[SignalDay]


def analyse_sessions(
    sessions: Iterable[Sequence[Event]], tagger: TopicModel | None = None, chain: Chain | None = None
) -> list[SessionInsights]:
    """Analyse sessions; texts of all are scored together for speed.

    Args:
        sessions: each as its events, in any order.
        tagger: what knows the topics; None: the packaged ones.
        chain: the models of discovered topics; None: there are none yet.
    """
    tagger = tagger or topics.load()
    models = f"{style.load().version} {tagger.version} {signals.VERSION} {outcome.load().version}"
    conversations: list[Conversation] = []
    listed: list[list[Entry]] = []
    for events in sessions:
        conversations.append(fold(_latest(events)))
        # However long a session is, nothing of it is forgotten.
        whole = conversations[-1] if len(events) <= MOST_EVENTS else fold(events)
        listed.append(recall.entries(events, whole))
    told = outcome.load()
    styles = style.rows(conversations)
    ratings = [told.rate(c, s) for c, s in zip(conversations, styles, strict=True)]
    styles = [_with_satisfaction(s, r) for s, r in zip(styles, ratings, strict=True)]
    tags = tagger.tag(conversations)
    found = [signals.detect(c, s) for c, s in zip(conversations, styles, strict=True)]
    outcomes = told.estimate(conversations, found, ratings)
    reactions = _reactions(conversations, found, styles)
    insights = [
        SessionInsights(
            session=_session_row(c, s, t, (o, r), models),
            styles=list(s.values()),
            topics=t,
            signals=f,
            uses=gaps.skill_uses(c, t, f, o, s),
            entries=e,
        )
        for c, s, t, f, o, r, e in zip(conversations, styles, tags, found, outcomes, reactions, listed, strict=True)
    ]
    if chain is None:
        return insights
    return [
        replace(one, session=with_found(one.session, chain, rows), topics=one.topics + rows)
        for one, rows in zip(insights, chain.tag(conversations), strict=True)
    ]


def with_found(session: SessionRow, chain: Chain, rows: Iterable[EventTopic]) -> SessionRow:
    """A session with the discovered topics that its messages were tagged with."""
    version = chain.governing(session.ended_at)
    return msgspec.structs.replace(session, found=topic_spans(rows), topic_model=version)


def overview(
    sessions: Iterable[SessionRow],
    found: Iterable[Signal],
    uses: Iterable[SkillUse],
    signs: Iterable[Sign],
    tagger: TopicModel | None = None,
    chain: Chain | None = None,
) -> Overview:
    """What the rows of all sessions show together, whatever order they come in; see :func:`analyse_sessions`.

    Each iterable is read once, so rows need not all be held.
    """
    discovered = chain.latest() if chain else None
    described = {**(tagger or topics.load()).topics, **(discovered.topics if discovered else {})}
    labels = {topic_id: about.label for topic_id, about in described.items()}
    spans: dict[str, list[int]] = {}
    used = Uses()
    days = Days()
    days.count_signs(signs)
    learned = patterns.learn(days.counting(_counting(sessions, spans, used)), labels)
    return Overview(
        topics=_topic_rows(spans, described),
        trends=[TopicTrend(**trend._asdict()) for trend in trends(used)],
        signals=signals.recurring(found),
        gaps=gaps.estimate(uses, labels),
        patterns=learned,
        session_days=days.sessions(),
        agent_days=days.agents(),
        style_days=days.styles(),
        topic_days=days.topics(),
        signal_days=days.signals(),
    )


def _latest(events: Sequence[Event]) -> Sequence[Event]:
    if len(events) <= MOST_EVENTS:
        return events
    return sorted(events, key=lambda e: (e.ts, e.order, e.digest))[-MOST_EVENTS:]


def _reactions(
    conversations: Sequence[Conversation],
    found: Sequence[Sequence[Signal]],
    styles: Sequence[Mapping[Ref, MessageStyle]],
) -> list[float]:
    """Outcomes told without what the agents said."""
    told = outcome.load()
    silent, heard, known = patterns.blind(conversations, found, styles)
    return told.estimate(silent, heard, [told.rate(c, s) for c, s in zip(silent, known, strict=True)])


def _with_satisfaction(styles: dict[Ref, MessageStyle], ratings: Mapping[Ref, float]) -> dict[Ref, MessageStyle]:
    known = outcome.satisfaction(ratings)
    return styles | {ref: msgspec.structs.replace(styles[ref], satisfaction=value) for ref, value in known.items()}


def _session_row(
    conversation: Conversation,
    styles: Mapping[Ref, MessageStyle],
    tags: Sequence[EventTopic],
    outcomes: tuple[float, float],
    models: str,
) -> SessionRow:
    spans = topic_spans(tags)
    told, reaction = outcomes
    early = patterns.early_styles(conversation, styles) | {patterns.REACTION: reaction}
    return SessionRow(
        agent=conversation.agent,
        session=conversation.session,
        user=user_of(conversation.session),
        started_at=conversation.started_at,
        ended_at=conversation.ended_at,
        messages=len(conversation.messages),
        turns=sum(1 for turn in conversation.turns if turn.user),
        tool_calls=len(conversation.calls),
        tool_errors=sum(1 for call in conversation.calls if call.error),
        run_errors=sum(1 for mark in conversation.marks if mark.error),
        outcome=told,
        topic_id=min(spans, key=lambda t: (-spans[t][0], t), default=""),
        topics=spans,
        styles=_mean_styles(styles.values()) | early,
        tools=_tool_counts(conversation),
        models=models,
    )


def topic_spans(tags: Iterable[EventTopic]) -> dict[str, list[int]]:
    """Each topic's [messages, first time, last time], Unix milliseconds."""
    times: dict[str, list[int]] = defaultdict(list)
    for tag in tags:
        times[tag.topic_id].append(tag.ts)
    return {topic: [len(at), min(at), max(at)] for topic, at in sorted(times.items())}


def _mean_styles(rows: Iterable[MessageStyle]) -> dict[str, float]:
    scores: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name in style.STYLES:
            scores[f"{row.speaker}.{name}"].append(getattr(row, name))
        if row.satisfaction is not None:
            scores["user.satisfaction"].append(row.satisfaction)
    return {name: round(fmean(values), 6) for name, values in sorted(scores.items())}


def _tool_counts(conversation: Conversation) -> dict[str, list[int]]:
    calls = Counter(call.tool for call in conversation.calls)
    errors = Counter(call.tool for call in conversation.calls if call.error)
    return {tool: [calls[tool], errors[tool]] for tool in sorted(calls)}


def _counting(sessions: Iterable[SessionRow], spans: dict[str, list[int]], used: Uses) -> Iterator[SessionRow]:
    """Pass rows on and gather each topic's [messages, first time, last time] and conversations meanwhile."""
    for row in sessions:
        both = row.topics | row.found
        used.add({topic_id: first for topic_id, (_, first, _) in both.items()})
        for topic_id, (messages, first, last) in both.items():
            known = spans.setdefault(topic_id, [0, first, last])
            known[:] = [known[0] + messages, min(known[1], first), max(known[2], last)]
        yield row


def _topic_rows(spans: Mapping[str, list[int]], described: Mapping[str, About]) -> list[Topic]:
    return [
        Topic(
            topic_id=topic_id,
            label=described[topic_id].label,
            keywords=list(described[topic_id].keywords),
            messages=messages,
            first_seen=first,
            last_seen=last,
            source=described[topic_id].source,
            example_stream=described[topic_id].example[0],
            example_seq=described[topic_id].example[1],
            parent=described[topic_id].parent,
            merged_into=described[topic_id].merged_into,
        )
        for topic_id, (messages, first, last) in sorted(spans.items())
    ]
