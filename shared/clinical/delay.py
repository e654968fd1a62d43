"""The next cycle late because of toxicity.

The clock starts at the planned date, not at an onset. Nothing is open before that date has ended
undosed, so the rule never delays the completion of a window for a subject dosed on time.
"""

from __future__ import annotations

from datetime import date, timedelta

from shared.clinical.dlt import Case, Trigger
from shared.clinical.protocol import CriterionRule, Delay, day_starts
from shared.clinical.timeline import Entry
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import Disposition, Dose


def delay_triggers(rule: CriterionRule, case: Case) -> list[Trigger]:
    """At most one trigger; none while the planned date has not ended or the dose came in time."""
    assert rule.delay is not None
    delay = rule.delay
    doses = _doses(delay, case)
    planned = _planned(delay, case, doses)
    late_from = planned + timedelta(days=delay.more_than_days + 1)
    given = [entry.dates(case.zone) for entry, dose in doses if dose.ECOCCUR == "Y"]
    # A dose on an unknown day of a month was in time for certain only if the last of them was.
    until, at_least = min((last, first) for first, last in given) if given else (case.today,) * 2
    why = f"{delay.treatment} of cycle {delay.cycle} planned {planned}"
    if until <= planned:
        opens = day_starts(planned + timedelta(days=1), case.zone)
        return [
            Trigger("not_met", late_from, late_from, why, (), deadline=None if given else opens)
        ]
    entries = tuple(entry for entry, _ in doses)
    toxicity, left = _reason(delay, case, doses)
    base = Trigger("not_met", late_from, late_from, why, (*entries, *left))
    if given and until < late_from:
        return [_say(base, f"given {until}, {(until - planned).days} days late")]
    if toxicity is False:
        return [_say(base, "not given for another reason than toxicity")]
    if until < late_from:
        return [
            Trigger(
                "open",
                late_from,
                late_from,
                f"{why}, not given yet",
                base.entries,
                deadline=day_starts(late_from, case.zone),
                missing=f"the dose of cycle {delay.cycle}, or why it was not given",
            )
        ]
    days = delay.more_than_days
    if at_least < late_from:
        missing = f"the date of the dose of cycle {delay.cycle}"
        words = f"{why}, given between {at_least} and {until}"
        return [Trigger("open", late_from, late_from, words, base.entries, missing=missing)]
    if toxicity is None:
        return [
            Trigger(
                "open",
                late_from,
                late_from,
                f"{why}, more than {days} days late, reason not known",
                base.entries,
                missing=f"why cycle {delay.cycle} was late",
            )
        ]
    return [
        Trigger(
            "met",
            late_from,
            late_from,
            f"{why}, more than {days} days late because of toxicity",
            base.entries,
        )
    ]


def _say(base: Trigger, words: str) -> Trigger:
    return Trigger(base.result, base.first, base.last, f"{base.why}, {words}", base.entries)


def _doses(delay: Delay, case: Case) -> list[tuple[Entry, Dose]]:
    return [
        (entry, entry.record)
        for standing in case.doses
        for entry in standing.entries
        if isinstance(entry.record, Dose)
        and delay.treatment == entry.record.ECTRT
        and entry.record.cycle == delay.cycle
    ]


def _planned(delay: Delay, case: Case, doses: list[tuple[Entry, Dose]]) -> date:
    stated = [dose.planned_dtc for _, dose in doses if dose.planned_dtc is not None]
    if stated:
        return min(parse_dtc(text).local_dates(case.zone)[0] for text in stated)
    return case.start.first + timedelta(days=delay.planned_day - 1)


def _reason(
    delay: Delay, case: Case, doses: list[tuple[Entry, Dose]]
) -> tuple[bool | None, tuple[Entry, ...]]:
    """Whether toxicity is the reason (None: not stated), and the disposition that says so."""
    words = {word.upper() for word in delay.because_of_toxicity}
    stated = [
        (text.upper(), ())
        for _, dose in doses
        for text in (dose.ECREASOC, dose.ECADJ)
        if text is not None
    ]
    reasons: list[tuple[str, tuple[Entry, ...]]] = list(stated)
    for standing in case.dispositions:
        for entry in standing.entries:
            assert isinstance(entry.record, Disposition)
            if entry.record.DSDECOD.upper() != "COMPLETED":
                reasons.append((entry.record.DSDECOD.upper(), (entry,)))
    if not reasons:
        return None, ()
    for word, entries in reasons:
        if any(toxic in word for toxic in words):
            return True, entries
    return False, reasons[0][1]
