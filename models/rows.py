"""Rows of the insight tables, as analysis makes them and the store writes them.

Each struct mirrors a table of :mod:`models.tables`: same columns, same units.
Times are Unix milliseconds; scores lie in 0..1 unless said otherwise and are rounded to six decimals.
"""

import msgspec

__all__ = [
    "AgentDay",
    "Entry",
    "EventTopic",
    "MemoryItem",
    "MessageStyle",
    "Pattern",
    "SessionDay",
    "SessionRow",
    "Signal",
    "SignalDay",
    "SkillGap",
    "SkillUse",
    "StyleDay",
    "Topic",
    "TopicDay",
    "TopicTrend",
]


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    agent: str
    session: str
    user: str
    """The other side, as far as the session key tells it (``telegram:direct:42``), else empty."""
    started_at: int
    ended_at: int
    messages: int
    """Messages of both sides, streaming snapshots joined."""
    turns: int
    """User turns: one or more user messages and all that followed until the next."""
    tool_calls: int
    tool_errors: int
    run_errors: int
    outcome: float
    """Probability that the user got what they wanted."""
    topic_id: str
    """The topic of most of the session's messages, empty when none was recognised."""
    topics: dict[str, list[int]]
    """Each topic of the session: [messages, first time, last time]."""
    styles: dict[str, float]
    """Mean style of each side: ``agent.politeness``, ``user.question``, ...; of the first half of the turns, without
    what was said right after a failed call: ``early.agent.politeness``, ...; and ``user.reaction``, the outcome told
    without what the agent said."""
    tools: dict[str, list[int]]
    """Each tool that was called: [calls, errors]."""
    models: str
    """Versions of the models that made this row and the rows of its messages."""
    found: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """Each discovered topic of the session: [messages, first time, last time]."""
    topic_model: str = ""
    """Version of the model of discovered topics; empty: none was fitted yet."""


class EventTopic(msgspec.Struct, frozen=True, kw_only=True):
    agent: str
    session: str
    stream: str
    seq: int
    ts: int
    topic_id: str
    score: float
    model: str
    """Version of the model that tagged it."""


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    topic_id: str
    label: str
    keywords: list[str]
    messages: int
    first_seen: int
    last_seen: int
    source: str
    """``packaged``, ``own`` or ``discovered``."""
    example_stream: str
    example_seq: int
    """A message that shows a discovered topic; empty and 0 of others."""
    parent: str
    """The discovered topic that it was split from, or empty."""
    merged_into: str
    """The discovered topic that it is part of now, or empty."""


class TopicTrend(msgspec.Struct, frozen=True, kw_only=True):
    """How a topic's share of conversations has changed lately: see :mod:`analytics.topics.trends`."""

    topic_id: str
    direction: str
    """``rising``, ``falling`` or ``steady``."""
    ratio: float
    """Share of the latest seven days over the share of the eight weeks before."""
    low: float
    high: float | None
    """95% interval of the ratio, for all topics together; None: there is no upper limit."""
    recent: int
    before: int
    expected: float
    until: int


class MessageStyle(msgspec.Struct, frozen=True, kw_only=True):
    agent: str
    session: str
    stream: str
    seq: int
    ts: int
    speaker: str
    """``user`` or ``agent``."""
    language: str
    """As which it was scored: ``en``, ``de``, ...; ``und``: it was not told."""
    politeness: float
    formality: float
    directness: float
    verbosity: float
    sentiment: float
    frustration: float
    hedging: float
    question: float
    satisfaction: float | None
    """Of user turns only."""
    model: str


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Something that went wrong in a session, with the events that show it."""

    agent: str
    session: str
    stream: str
    seq: int
    """The event at which it became visible."""
    kind: str
    subject: str
    """What it is about: a tool and its normalised error, a phrase; empty when the kind says it all."""
    severity: float
    evidence: list[list[int | str]]
    """[stream, seq] of every event that it rests on, in order of time."""
    model: str


class SkillUse(msgspec.Struct, frozen=True, kw_only=True):
    """One session's use of one skill: the grain that skill gaps are counted at."""

    agent: str
    session: str
    topic_id: str
    tool: str
    """Empty: the conversation itself, where no failed tool is to blame."""
    at: int
    failed: bool


class SkillGap(msgspec.Struct, frozen=True, kw_only=True):
    agent: str
    skill: str
    sessions: int
    failures: int
    rate: float
    """Failure rate, shrunk towards its agent's."""
    low: float
    high: float
    """95% interval of the rate."""
    excess: float
    """Rate minus the fleet's, -1..1."""
    impact: float
    """Failures more than the fleet's rate would have given, at least: (low - baseline) x sessions; of closed gaps 0."""
    trend: float
    """Rate of the newer half of the sessions minus that of the older, -1..1: above 0 it gets worse."""
    first_seen: int
    last_seen: int
    """The first and the last failure."""
    status: str
    """``opening``, ``open``, ``closing`` or ``closed``."""
    topic_id: str
    tool: str
    evidence: list[str]
    """Sessions that show it, latest first, at most 20."""
    model: str


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    agent: str
    """Empty: over all agents."""
    subject: str
    effect: float
    low: float
    high: float
    n: int
    q_value: float
    statement: str
    model: str


class SessionDay(msgspec.Struct, frozen=True, kw_only=True):
    """What the sessions that started on one day come to. Sums of scores are in millionths."""

    day: int
    """Its beginning, UTC."""
    agent: str
    topic_id: str
    """The topic of most of the session's messages, may be empty."""
    sessions: int
    messages: int
    turns: int
    tool_calls: int
    tool_errors: int
    run_errors: int
    outcome: int
    outcome_squares: int


class AgentDay(msgspec.Struct, frozen=True, kw_only=True):
    """The same of all topics together."""

    day: int
    agent: str
    sessions: int
    messages: int
    turns: int
    tool_calls: int
    tool_errors: int
    run_errors: int
    outcome: int
    outcome_squares: int


class StyleDay(msgspec.Struct, frozen=True, kw_only=True):
    """How both sides wrote in the sessions that started on one day: sums of the sessions' means and of their squares.

    Sums are in millionths, each beside the number of sessions that it is of.
    """

    day: int
    """Its beginning, UTC."""
    agent: str
    agent_sessions: int
    """In which the agent said something."""
    agent_politeness: int
    agent_politeness_squares: int
    agent_formality: int
    agent_formality_squares: int
    agent_directness: int
    agent_directness_squares: int
    agent_verbosity: int
    agent_verbosity_squares: int
    agent_sentiment: int
    agent_sentiment_squares: int
    agent_frustration: int
    agent_frustration_squares: int
    agent_hedging: int
    agent_hedging_squares: int
    agent_question: int
    agent_question_squares: int
    user_sessions: int
    user_politeness: int
    user_politeness_squares: int
    user_formality: int
    user_formality_squares: int
    user_directness: int
    user_directness_squares: int
    user_verbosity: int
    user_verbosity_squares: int
    user_sentiment: int
    user_sentiment_squares: int
    user_frustration: int
    user_frustration_squares: int
    user_hedging: int
    user_hedging_squares: int
    user_question: int
    user_question_squares: int
    rated_sessions: int
    """In which the user's satisfaction is known."""
    user_satisfaction: int
    user_satisfaction_squares: int


class TopicDay(msgspec.Struct, frozen=True, kw_only=True):
    """A topic on the day on which it first came up in a session."""

    day: int
    agent: str
    topic_id: str
    sessions: int
    messages: int


class SignalDay(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of signal in the sessions that started on one day."""

    day: int
    agent: str
    topic_id: str
    """Of the session."""
    kind: str
    sessions: int
    signals: int
    severity: int
    """Sum over the sessions of the gravest signal's severity, in millionths."""


class MemoryItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something of a session that is worth remembering, in the words of the event that it comes from."""

    agent: str
    session: str
    user: str
    """Whom it is about, as :func:`models.dialects.user_of` names users; empty: nobody in particular, or not known."""
    stream: str
    seq: int
    kind: str
    """``fact``, ``preference``, ``decision``, ``commitment``, ``pending``, ``done``, ``thread``, ``failure``, ``summary`` or
    ``entity``."""
    place: int
    """Number of the sentence in its message, from 0; tells items of one event and kind apart."""
    ts: int
    speaker: str
    """``user``, ``agent`` or, of failures, ``tool``."""
    visibility: str
    """Of its event."""
    text: str
    subject: str
    """What it is about, in one form; empty: nothing that something newer could be about, too."""
    due: int | None
    weight: float
    """How much it matters by its kind and form."""
    supersedes: str
    """``stream:seq`` of the newest item before that said otherwise about the same subject; empty: none."""
    superseded_by: str
    """``stream:seq`` of the next item about the same subject; empty: it is the newest."""
    model: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing said or done: a message, a call or its result, a note, a failure."""

    agent: str
    session: str
    place: int
    """Its number in the session, from 0, in order of time."""
    stream: str
    seq: int
    ts: int
    speaker: str
    """``user``, ``agent``, ``tool``, ``note`` or ``run``."""
    tool: str
    """Of a call or a result."""
    visibility: str
    failed: bool
    scope: str
    """Terms of the index for who it belongs to."""
    terms: str
    """Stems of its words, in order; none of what is secret."""
