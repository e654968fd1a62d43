"""Several toxicities that only together make a DLT."""

from __future__ import annotations

from dataclasses import replace

from shared.clinical.blocks.selection import toxicity_runs
from shared.clinical.case import Case, Trigger
from shared.clinical.criteria import Count, CriterionRule
from shared.clinical.runs import Run


def count_triggers(rule: CriterionRule, case: Case) -> list[Trigger]:
    """At most one trigger, dated by the toxicity that completes the number."""
    assert rule.count is not None
    count = rule.count
    runs = [
        run
        for run in toxicity_runs(count.toxicity, case, rule.attribution)
        if run.attribution != "no" and case.place(run.first, run.last, rule.window) != "out"
    ]
    counted = _distinct(runs, count)
    if len(counted) < count.at_least:
        return []
    counted = counted[: count.at_least]
    last = counted[-1]
    names = ", ".join(run.term for run in counted)
    trigger = Trigger(
        "met",
        last.first,
        last.last,
        f"{count.at_least} toxicities: {names}",
        tuple(dict.fromkeys(entry for run in counted for entry in run.entries)),
        grade=max(run.worst for run in counted),
    )
    return [_doubted(trigger, counted)]


def _distinct(runs: list[Run], count: Count) -> list[Run]:
    """By certainty, then onset; of one term only the first where terms must differ."""
    ordered = sorted(runs, key=lambda run: (not _sure(run), run.first, run.term))
    seen: set[str] = set()
    kept = []
    for run in ordered:
        if not (count.distinct_terms and run.term in seen):
            kept.append(run)
        seen.add(run.term)
    return kept


def _sure(run: Run) -> bool:
    return run.certain and run.attribution in ("yes", "unknown")


def _doubted(trigger: Trigger, counted: list[Run]) -> Trigger:
    unsure = [run for run in counted if not run.certain]
    if unsure:
        missing = f"what decides the grade of {unsure[0].term}"
        return replace(trigger, result="open", missing=missing)
    if any(run.attribution == "judge" for run in counted):
        why = f"{trigger.why}; one is reported as not related: a person decides"
        return replace(trigger, result="needs_review", why=why)
    unknown = [run for run in counted if run.attribution == "unknown"]
    if unknown:
        missing = f"the relatedness of {unknown[0].term}"
        return replace(trigger, missing=missing, flags=("attribution_missing",))
    return trigger
