"""What each part of a routing document allows but the whole does not, and what it leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.notifier.addresses import check_url, is_mailbox
from services.notifier.routing.audience import who_is_told
from services.notifier.routing.document import (
    URGENT,
    Ladder,
    MailDetail,
    Occasion,
    Recipient,
    Routing,
    Rule,
)
from services.notifier.routing.duty import LOOK_AHEAD, holes
from shared.contracts.signals import SignalType

Place = tuple[str | int, ...]
Fault = tuple[Place, str, str]
"""Place, problem, remedy."""

KEYWORDS = frozenset({"repeat", "next", "deputy", "everyone", "inbox"})


def faults(routing: Routing) -> Iterator[Fault]:
    """Everything that keeps the document from being used."""
    yield from _recipients(routing)
    yield from _rosters(routing)
    people = {one.name for one in routing.recipients}
    known = people | {one.name for one in routing.rosters}
    for index, absence in enumerate(routing.absences):
        place: Place = ("absences", index)
        yield from _unknown((absence.name,), people, (*place, "name"))
        if absence.last < absence.first:
            yield (*place, "last"), "is before the first day", "correct one of the two"
    yield from _rules(routing.rules, known, ("rules",), set())
    for index, ladder in enumerate(routing.ladders):
        yield from _ladder(ladder, known, ("ladders", index))
    yield from _twice([one.name for one in routing.ladders], "ladders")
    yield from _details(routing.details.email)


def _details(allowed: tuple[MailDetail, ...]) -> Iterator[Fault]:
    if "chart" in allowed and "subject" not in allowed:
        place: Place = ("details", "email", allowed.index("chart"))
        yield place, "shows subjects by their codes", "allow subject as well, or leave chart out"


def _twice(names: list[str], part: str) -> Iterator[Fault]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield (part, index, "name"), f"names two {part}", "give each its own name"


def _unknown(names: Iterable[str], known: set[str], place: Place) -> Iterator[Fault]:
    for index, name in enumerate(names):
        if name not in known:
            here = place if place[-1] in ("name", "deputy") else (*place, index)
            yield here, "is not among the recipients", "add the recipient, or correct the name"


def _recipients(routing: Routing) -> Iterator[Fault]:
    ways: set[tuple[str, str]] = set()
    people = {one.name for one in routing.recipients}
    for index, recipient in enumerate(routing.recipients):
        place: Place = ("recipients", index)
        if (recipient.name, recipient.channel) in ways:
            yield place, "occurs twice", "give each channel of a name once"
        if recipient.name in KEYWORDS:
            yield (*place, "name"), "is a word of ladders", "choose another name"
        ways.add((recipient.name, recipient.channel))
        if recipient.deputy is not None:
            yield from _unknown((recipient.deputy,), people, (*place, "deputy"))
        problem = _address_problem(recipient)
        if problem is not None:
            yield (*place, "address"), *problem


def _rosters(routing: Routing) -> Iterator[Fault]:
    people = {one.name for one in routing.recipients}
    for index, roster in enumerate(routing.rosters):
        place: Place = ("rosters", index)
        if roster.name in people or roster.name in KEYWORDS:
            yield (*place, "name"), "already means something else", "choose another name"
        yield from _unknown(roster.people, people, (*place, "people"))
        yield from _unknown(roster.otherwise, people, (*place, "otherwise"))
        for number, shift in enumerate(roster.shifts):
            here = (*place, "shifts", number, "people")
            yield from _unknown(shift.people, set(roster.people), here)
    yield from _twice([one.name for one in routing.rosters], "rosters")


def _rules(
    rules: Iterable[Rule], known: set[str], place: Place, names: set[str]
) -> Iterator[Fault]:
    for index, rule in enumerate(rules):
        here = (*place, index)
        if rule.name in names:
            yield (*here, "name"), "names two rules", "give each rule its own name"
        names.add(rule.name)
        if not rule.tell and not rule.rules:
            yield here, "tells nobody", "add tell, or rules within it"
        yield from _unknown(rule.tell, known, (*here, "tell"))
        yield from _rules(rule.rules, known, (*here, "rules"), names)


def _ladder(ladder: Ladder, known: set[str], place: Place) -> Iterator[Fault]:
    for index, step in enumerate(ladder.steps):
        here = (*place, "steps", index)
        if index and step.after <= ladder.steps[index - 1].after:
            yield (*here, "after"), "is not later than the step before", "order the steps by time"
        if isinstance(step.tell, tuple):
            if not step.tell:
                yield (*here, "tell"), "tells nobody", "name somebody"
            yield from _unknown(step.tell, known, (*here, "tell"))


def _address_problem(recipient: Recipient) -> tuple[str, str] | None:
    if recipient.channel == "email":
        if not is_mailbox(recipient.address):
            return "is not one e-mail address", "write it as name@example.org"
        return None
    if recipient.channel == "apprise":
        if not recipient.address.replace("-", "").isalnum():
            return "is not the name of a target", "name one that the operator has configured"
        return None
    try:
        check_url(recipient.address)
    except ValueError as error:
        return str(error), "write it as https://host/path"
    return None


def gaps(routing: Routing, now: datetime) -> tuple[str, ...]:
    """What the routing leaves to the inbox alone, or to chance, worth a person's look."""
    found = []
    for severity in ("critical", "urgent"):
        missed = [
            str(kind)
            for kind in SignalType
            if not all(
                who_is_told(routing, asked).told
                for asked in _occasions(routing, Occasion(type=kind, severity=severity, at=now))
            )
        ]
        if missed:
            found.append(f"no rule tells anybody of {severity} signals of: {', '.join(missed)}")
    if routing.ladders:
        found += [
            f"no ladder chases {severity} alerts of every kind"
            for severity in sorted(URGENT)
            if not all(routing.ladder_for(severity, kind) for kind in SignalType)
        ]
    else:
        found.append("no ladder: an alert that nobody acknowledges is not chased")
    told = {name for rule in _all(routing.rules) for name in rule.tell}
    found += _idle(routing, told) + _unmanned(routing, told, now)
    return tuple(found)


def _idle(routing: Routing, told: set[str]) -> list[str]:
    used = set(told)
    for ladder in routing.ladders:
        for step in ladder.steps:
            if step.tell == "everyone":
                return []
            used.update(step.tell if isinstance(step.tell, tuple) else ())
    for roster in routing.rosters:
        if roster.name in used:
            used.update(roster.people, roster.otherwise)
    used.update(one.deputy for one in routing.recipients if one.deputy)
    known = {one.name for one in routing.recipients} | {one.name for one in routing.rosters}
    idle = sorted(known - used)
    return [f"no rule tells: {', '.join(idle)}"] if idle else []


def _unmanned(routing: Routing, told: set[str], now: datetime) -> list[str]:
    return [
        f"nobody is on duty in {hole.roster} from {hole.first:%Y-%m-%d %H:%M}"
        f" to {hole.until:%Y-%m-%d %H:%M} UTC"
        for hole in holes(routing, now, now + LOOK_AHEAD)
        if hole.roster in told
    ]


def unmanned_severities(routing: Routing, at: datetime) -> tuple[str, ...]:
    """The urgent severities of which a signal, at this moment, would find nobody on duty."""
    return tuple(
        severity
        for severity in sorted(URGENT)
        if any(
            who_is_told(routing, Occasion(type=kind, severity=severity, at=at)).warnings
            for kind in SignalType
        )
    )


def _all(rules: Iterable[Rule]) -> Iterator[Rule]:
    for rule in rules:
        yield rule
        yield from _all(rule.rules)


def _occasions(routing: Routing, asked: Occasion) -> Iterator[Occasion]:
    """The occasion at every dose level, cohort and site a rule names, and at one none does."""
    rules = list(_all(routing.rules))
    levels = {level for rule in rules for level in rule.dose_levels or ()}
    cohorts = {one for rule in rules for one in rule.cohorts or ()}
    sites = {one for rule in rules for one in rule.sites or ()}
    for level in (*sorted(levels), max(levels, default=0) + 1):
        yield asked.model_copy(update={"dose_level": level, "cohort": "", "site": ""})
    for cohort in cohorts:
        yield asked.model_copy(update={"cohort": cohort, "dose_level": -1, "site": ""})
    for site in sites:
        yield asked.model_copy(update={"site": site, "dose_level": -1, "cohort": ""})
