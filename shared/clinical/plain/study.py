"""The sections of the protocol beside the DLT criteria as sentences.

A section without sentences of its own is told name by name, so that nothing a document says can be
missing from what is signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shared.clinical.plain.design import rule_in_words
from shared.clinical.plain.words import counted, listed, plainly
from shared.clinical.plain.written import spelled
from shared.clinical.protocol import Protocol


def _format(protocol: Protocol) -> Iterator[str]:
    yield f"The document is written in {protocol.format}."


def _study(protocol: Protocol) -> Iterator[str]:
    yield f"The study is {protocol.study}."


def _version(protocol: Protocol) -> Iterator[str]:
    yield f"This is version {protocol.version} of its rules."


def _title(protocol: Protocol) -> Iterator[str]:
    yield f"{protocol.title}."


def _synthetic(protocol: Protocol) -> Iterator[str]:
    yield "Its data are synthetic." if protocol.synthetic else "Its data are of patients."


def _ctcae(protocol: Protocol) -> Iterator[str]:
    yield f"Toxicities are graded by CTCAE {protocol.ctcae}."


def _time_zone(protocol: Protocol) -> Iterator[str]:
    yield f"Calendar days are those of {protocol.time_zone} where a site has no zone of its own."


def _sites(protocol: Protocol) -> Iterator[str]:
    for site, zone in protocol.sites.items():
        yield f"At site {site} calendar days are those of {zone}."


def _treatments(protocol: Protocol) -> Iterator[str]:
    yield f"The study treatments are {listed(protocol.treatments)}."


def _counted_parts(protocol: Protocol) -> Iterator[str]:
    yield f"Subjects count who are in: {listed(protocol.counted_parts)}."


def _window(protocol: Protocol) -> Iterator[str]:
    window = protocol.window
    drug, first = window.day_1_is_first_dose_of, window.first_dose_is_day
    begins = (
        f"Day 1 is the day of the first dose of {drug}."
        if first == 1
        else f"The first dose of {drug} is a lead-in on day {first}; there is no day 0."
    )
    yield f"{begins} A DLT must begin by day {window.last_day}, that day included."
    extension = window.extended_to_first_dose
    if extension is not None:
        yield (
            f"The window goes on through the day of the first dose of {extension.of} in cycle "
            f"{extension.cycle}, at most to day {extension.at_most_day}."
        )


def _windows(protocol: Protocol) -> Iterator[str]:
    for name, window in protocol.windows.items():
        days = listed(f"days {one.first_day} to {one.last_day}" for one in window.days)
        waits = (
            "nobody has completed while it is open"
            if window.awaited
            else "nobody is waited for: a DLT in it changes the count when it comes"
        )
        drug = window.day_1_is_first_dose_of
        yield f"The window {name} is {days} from the first dose of {drug}; {waits}."


def _next_dose(protocol: Protocol) -> Iterator[str]:
    if protocol.next_dose is not None:
        dose = protocol.next_dose
        yield (
            f"The planned date of the next dose is day {dose.planned_day}: {dose.treatment}, "
            f"cycle {dose.cycle}."
        )


def _evaluability(protocol: Protocol) -> Iterator[str]:
    rule = protocol.evaluability
    yield (
        "Without a DLT a subject counts who was followed to the end of the window and given at "
        f"least {rule.minimum_percent_of_planned_dose} % of the planned dose of "
        f"{listed(rule.treatments)} in cycle 1, or less because of toxicity."
    )
    if rule.maximum_percent_of_planned_dose is not None:
        most = rule.maximum_percent_of_planned_dose
        yield f"Who was given more than {most} % counts only with a DLT."
    yield "Who does not count is replaced, and still counts where a DLT becomes known later."


def _completeness(protocol: Protocol) -> Iterator[str]:
    rule = protocol.completeness
    if rule.mode == "reported":
        yield "That nothing was recorded means no only once the source confirms complete records."
    else:
        grace = counted(rule.grace_days, "day")
        yield f"That nothing was recorded means no {grace} after the window; it is provisional."
    states = listed(rule.provisional_while, "or")
    yield f"A result is provisional while a record it may rest on is: {states}."


def _sentinel(protocol: Protocol) -> Iterator[str]:
    if protocol.sentinel is None:
        yield "There is no sentinel gap."
        return
    who = "the first" if protocol.sentinel.after == "first_at_level" else "every"
    gap = counted(protocol.sentinel.gap_days, "day")
    yield f"After {who} subject at a dose level the next is first dosed no sooner than {gap} later."


def _attribution(protocol: Protocol) -> Iterator[str]:
    rule = protocol.attribution
    yield f"Related are reports that say {listed(rule.related, 'or')}."
    yield f"Not related are reports that say {listed(rule.not_related, 'or')}."
    yield "Any other wording, or none, counts as related until it is answered."
    for field, drug in rule.by_drug.items():
        yield f"The field {field} of a report speaks of {drug}."
    for name, words in rule.groups.items():
        yield f"The group {name} of wordings is {listed(words, 'or')}."


def _doses(protocol: Protocol) -> Iterator[str]:
    for dose in protocol.doses:
        gives = listed(f"{name} {amount}" for name, amount in dose.gives.items())
        yield f"Dose level {dose.level} is {dose.label}{f' ({gives})' if dose.gives else ''}."


def _arms(protocol: Protocol) -> Iterator[str]:
    for name, arm in protocol.arms.items():
        yield f"Arm {name} ({arm.title}) is the cohorts {listed(arm.cohorts)}."


def _conventions(_: Protocol) -> Iterator[str]:
    yield "Days are calendar days at the site, and both ends of a stretch of days count."
    yield "A measured value stands until the next one; a result that hangs on it is marked."
    yield "A DLT is dated by the day on which its grade is reached."


def _adjudicators(protocol: Protocol) -> Iterator[str]:
    roles = listed(protocol.adjudicators, "or")
    yield f"What a criterion leaves to a person is decided by: {roles}."
    yield "Where a criterion names a role, that one decides, or the adjudicators if listed."


def _scales(protocol: Protocol) -> Iterator[str]:
    for scale, field in protocol.scales.items():
        yield f"The grade on the scale {scale} is read from the field {field}."


def _worst_case(protocol: Protocol) -> Iterator[str]:
    if protocol.worst_case == "query":
        yield "Where a symptom decides between grades the least counts, and the site is asked."
    else:
        yield "Where a symptom decides between grades the worst counts."


def _term_groups(protocol: Protocol) -> Iterator[str]:
    for group, terms in protocol.term_groups.items():
        yield f"The group {group} is {listed(terms)}."


_NAMES = {
    "boin": "BOIN",
    "bf_boin": "BOIN with backfill (BF-BOIN)",
    "tite_boin": "TITE-BOIN",
    "mtpi": "mTPI",
    "mtpi2": "mTPI-2",
    "keyboard": "Keyboard",
    "table": "a decision table of its own",
    "crm": "the CRM",
    "tite_crm": "the TITE-CRM",
    "rolling_six": "the rolling six",
}


def _design(protocol: Protocol) -> Iterator[str]:
    said = spelled(protocol.design)
    rule = protocol.design.rule
    yield f"The dose-escalation rule is {_NAMES.get(rule.kind, rule.kind)}."
    yield from rule_in_words(rule)
    yield f"Its settings are {plainly(said)}."


_TOLD: dict[str, Callable[[Protocol], Iterator[str]]] = {
    "format": _format,
    "study": _study,
    "version": _version,
    "title": _title,
    "synthetic": _synthetic,
    "ctcae": _ctcae,
    "time_zone": _time_zone,
    "sites": _sites,
    "treatments": _treatments,
    "doses": _doses,
    "arms": _arms,
    "design": _design,
    "conventions": _conventions,
    "adjudicators": _adjudicators,
    "counted_parts": _counted_parts,
    "window": _window,
    "windows": _windows,
    "next_dose": _next_dose,
    "evaluability": _evaluability,
    "completeness": _completeness,
    "sentinel": _sentinel,
    "attribution": _attribution,
    "scales": _scales,
    "worst_case": _worst_case,
    "term_groups": _term_groups,
}


def section(protocol: Protocol, name: str) -> list[str]:
    """What one section of the document says."""
    if name in _TOLD:
        return list(_TOLD[name](protocol))
    value = spelled(getattr(protocol, name))
    if isinstance(value, list):
        return [f"{plainly(one)}." for one in value]
    return [] if value in (None, {}) else [f"{plainly(value)}."]
