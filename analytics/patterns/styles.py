"""How the agent writes, how close that is to how the user writes, and how the sessions end."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from analytics.patterns.early import STYLES
from analytics.patterns.regression import Controls, Estimate, Groups, effects
from analytics.patterns.sample import FEWEST, Finding, Sample
from analytics.patterns.statements import match_statement, style_statement, whom_statement

__all__ = ["style_findings"]

Floats = NDArray[np.float64]


K = len(STYLES)


def style_findings(sample: Sample, *, for_whom: bool) -> Iterator[Finding]:
    """The effect on outcome of one standard deviation more of a style of the agent, or of closeness to the user's.

    All styles of the agent stand in one regression, beside the user's own styles, user, topic, length and what became
    of tool calls, so that a style does not answer for another, for the user's mood or for a failure that the agent
    had to tell of. Closeness in a style is minus the distance between both sides' scores; overall closeness is the mean
    over all styles. ``for_whom`` adds how the effect of each style changes with each other style of the user. The outcome
    is that told without what the agent said (:mod:`analytics.patterns.blind`), where rows have it: one told from the
    agent's style would be explained by it.
    """
    sample = sample.take(np.flatnonzero(~np.isnan(sample.styles).any(axis=1)), sample.agent)
    if len(sample) < FEWEST:
        return
    groups = sample.groups()
    unit = _standardise(sample.styles.astype(np.float64))
    free = groups.take_out(np.column_stack([sample.reaction, unit, sample.length, sample.work]))
    beside = Controls(free[:, 1 + K :])
    alone = beside.take_out(free[:, : 1 + K])
    found = effects(alone[:, 0], alone[:, 1:], groups, groups.rank + beside.rank, [1.0] * K)
    for style, each in zip(STYLES, found, strict=True):
        if each is not None:
            statement = style_statement(sample.agent, style, each, len(sample))
            yield Finding("style_effect", sample.agent, style, each, len(sample), statement)
    yield from _joint_findings(sample, groups, free, for_whom=for_whom)


def _joint_findings(sample: Sample, groups: Groups, free: Floats, *, for_whom: bool) -> Iterator[Finding]:
    """What depends on both sides' styles at once: closeness, and products.

    Beside it stand all scores and the squares of the two it is made of, so that it does not answer for how much of a
    style is best whoever the other is (Edwards 2002, on congruence by polynomial regression); beside a product also
    that of the user's two styles, since an agent follows its user.

    Args:
        free: outcome, scores (16), length (2) and work (3) without users and topics.
    """
    scores = sample.styles.astype(np.float64)
    near = _standardise(-np.abs(scores[:, :K] - scores[:, K:]))
    unit = _standardise(scores)
    rest = Controls(free[:, 1:])
    y = rest.take_out(free[:, :1])
    squares = rest.take_out(groups.take_out(unit**2))

    def found(columns: Floats, made_of: Sequence[Sequence[int]]) -> Iterator[Estimate | None]:
        free = rest.take_out(groups.take_out(columns))
        for at, of in enumerate(made_of):
            x = np.column_stack([free[:, at :: len(made_of)], squares[:, of]])
            yield from effects(y[:, 0], x, groups, groups.rank + rest.rank, [float(columns[:, at].var())])

    near = np.column_stack([near, _standardise(near.mean(axis=1, keepdims=True))])
    made_of = [*([at, K + at] for at in range(K)), list(range(2 * K))]
    for style, each in zip((*STYLES, "overall"), found(near, made_of), strict=True):
        if each is not None:
            statement = match_statement(sample.agent, style, each, len(sample))
            yield Finding("style_match", sample.agent, style, each, len(sample), statement)
    for ours, style in enumerate(STYLES) if for_whom else ():
        others = [at for at in range(K) if at != ours]
        theirs = unit[:, [K + at for at in others]]
        products = np.column_stack([unit[:, [ours]] * theirs, unit[:, [K + ours]] * theirs])
        for at, each in zip(others, found(products, [[ours, K + at] for at in others]), strict=True):
            if each is not None:
                statement = whom_statement(sample.agent, style, STYLES[at], each, len(sample))
                subject = f"{style} for {STYLES[at]}"
                yield Finding("style_for", sample.agent, subject, each, len(sample), statement)


def _standardise(columns: Floats) -> Floats:
    """In standard deviations from the mean; a column that never changes is 0."""
    spread = columns.std(axis=0)
    unit: Floats = (columns - columns.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf)
    return unit
