"""Measurements that cannot be taken at their word: what they say counts for the stop side, and is
no proof that there was no toxicity.

A doubt ends when the site corrects the record, or lets it stand in a further version that says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shared.clinical.measured import GradedSample
from shared.clinical.samples import sample_of
from shared.clinical.timeline import Entry, Standing

Doubtful = Mapping[Entry, str]
"""Record versions in doubt, and why in words."""


def doubtful_among(records: Iterable[Standing], plain: set[Standing]) -> dict[Entry, str]:
    """What is doubtful of measurement records; ``plain`` remembers those of which nothing is."""
    found: dict[Entry, str] = {}
    for one in records:
        if one not in plain:
            doubts = _doubts_of(one)
            found |= doubts
            if not doubts:
                plain.add(one)
    return found


def _doubts_of(one: Standing) -> dict[Entry, str]:
    found = {entry: doubt for entry in one.entries if (doubt := sample_of(entry).doubt)}
    return {} if found and one.let_stand else found


def cautious(
    contents: Iterable[tuple[GradedSample, ...]], doubtful: Doubtful
) -> Sequence[tuple[GradedSample, ...]]:
    """The answers of a record as far as they count: of a doubtful value, or one derived from such,
    every grade from the answer up, and before treatment none that would excuse a later one."""
    if not doubtful:
        return list(contents)
    return [tuple(_cautious(graded, doubtful) for graded in content) for content in contents]


def _cautious(graded: GradedSample, doubtful: Doubtful) -> GradedSample:
    rests_on = (graded.sample.entry, *graded.sample.others)
    doubt = next((doubtful[entry] for entry in rests_on if entry in doubtful), None)
    if doubt is None:
        return graded
    most = max((grade for grade, _ in graded.answer.compiled.criterion.clauses), default=0)
    return replace(
        graded,
        low=0 if graded.before else graded.low,
        high=max(graded.high, most),
        worst=max(graded.worst, most),
        doubt=doubt,
    )
