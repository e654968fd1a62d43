"""Who or what a criterion's toxicity is attributed to, where that differs from the study's rule.

As for the study's rule, all versions of a report count: a "related" once said is not overruled by a
later version, and what is not said, or not in a known wording, counts as related until answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.clinical.case import Case
from shared.clinical.criteria import Cause
from shared.clinical.observations import Observation, Related
from shared.clinical.timeline import Entry, Standing
from shared.contracts.facts import AdverseEvent


def attributed(
    observations: Sequence[Observation], cause: Cause | None, case: Case
) -> Sequence[Observation]:
    """The observations with what their reports say about this cause."""
    if cause is None or not any(seen.reported for seen in observations):
        return observations
    standing = {entry.fact.fact_id: one for one in case.events for entry in one.entries}
    return [_with_cause(seen, cause, standing, case) for seen in observations]


def _with_cause(
    seen: Observation, cause: Cause, standing: Mapping[str, Standing], case: Case
) -> Observation:
    one = standing.get(seen.entry.fact.fact_id)
    if cause.any_cause or one is None:
        return seen._replace(related="yes") if cause.any_cause else seen
    return seen._replace(related=_related(cause, one, case))


def _related(cause: Cause, standing: Standing, case: Case) -> Related:
    rule = case.protocol.attribution
    asked = cause.wordings if cause.group is None else rule.groups[cause.group]
    related = {word.upper() for word in asked or rule.related}
    known = {word.upper() for word in (*rule.related, *rule.not_related, *asked)}
    if any(word in related for one in standing.versions for word in _words(cause, one, case)):
        return "yes"
    words = [word for entry in standing.entries for word in _words(cause, entry, case)]
    return "no" if words and all(word in known - related for word in words) else "unknown"


def _words(cause: Cause, entry: Entry, case: Case) -> list[str]:
    """What a version says about the treatments asked for. An overall "related" does not say to
    which; an overall "not related" speaks of each."""
    record = entry.record
    if not isinstance(record, AdverseEvent):
        return []
    by_drug = case.protocol.attribution.by_drug
    fields = [field for field, drug in by_drug.items() if drug in cause.to_any_of]
    overall = str(record.AEREL or "").strip().upper()
    said = [str(record.supp.get(field) or "").strip().upper() for field in fields]
    if not fields:
        return [overall]
    unrelated = {word.upper() for word in case.protocol.attribution.not_related}
    return [word or (overall if overall in unrelated else "") for word in said]
