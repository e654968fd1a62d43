"""Whom a routing reaches: when an alert is raised, and at each step of its ladder.

Every rule that matches counts, so that adding a rule can never take a recipient away; and where
nobody is on duty, more people are told, never fewer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from services.notifier.routing.document import Occasion, Roster, Routing, Rule, Step
from services.notifier.routing.duty import is_absent, on_duty, on_shift


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who is told, where, and because of which rules."""

    subscriber: str
    channel: str
    address: str
    why: str


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody who is told, once per channel; `warnings` say where nobody was on duty."""

    told: tuple[Told, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reached:
    """A name a rule or step led to, and why."""

    name: str
    why: str


def who_is_told(routing: Routing, asked: Occasion) -> Audience:
    """Everybody the rules name for such a signal."""
    warnings: dict[str, None] = {}
    found = [
        _Reached(one.name, one.why)
        for rule in matching(routing, asked)
        for name in dict.fromkeys(rule.tell)
        for one in _people(routing, name, asked.at, f"rule {rule.name}", warnings)
    ]
    return Audience(_ways(routing, found), tuple(warnings))


def matching(routing: Routing, asked: Occasion) -> Iterator[Rule]:
    """The rules that speak of the signal, at every depth of the tree."""
    yield from _matching(routing.rules, asked)


def _matching(rules: Iterable[Rule], asked: Occasion) -> Iterator[Rule]:
    for rule in rules:
        if rule.matches(asked):
            yield rule
            yield from _matching(rule.rules, asked)


def who_is_next(
    routing: Routing, step: Step, asked: Occasion, told_so_far: Collection[str]
) -> Audience:
    """Whom a step of a ladder tells. One that leads to nobody else tells all so far once more."""
    warnings: dict[str, None] = {}
    found = list(_step(routing, step, asked, told_so_far, warnings))
    if not found:
        found = [_Reached(name, "reminder: not acknowledged") for name in told_so_far]
    return Audience(_ways(routing, found), tuple(warnings))


def _step(
    routing: Routing,
    step: Step,
    asked: Occasion,
    told_so_far: Collection[str],
    warnings: dict[str, None],
) -> Iterator[_Reached]:
    match step.tell:
        case "repeat":
            return
        case "everyone":
            yield from (_Reached(one.name, "ladder: everyone") for one in routing.recipients)
        case "next":
            yield from _next(routing, asked, told_so_far)
        case "deputy":
            for name in told_so_far:
                for deputy in _deputies(routing, name):
                    yield _Reached(deputy, f"ladder: deputy of {name}")
        case names:
            for name in names:
                yield from _people(routing, name, asked.at, "ladder", warnings)


def _next(routing: Routing, asked: Occasion, told_so_far: Collection[str]) -> Iterator[_Reached]:
    """The first of each roster who has not been told, absent ones last."""
    for roster in _asked_rosters(routing, asked):
        waiting = [who for who in roster.people if who not in told_so_far]
        present = [who for who in waiting if not is_absent(routing, who, asked.at)]
        for who in (present or waiting)[:1]:
            yield _Reached(who, f"ladder: next of {roster.name}")


def _asked_rosters(routing: Routing, asked: Occasion) -> list[Roster]:
    named = {name for rule in matching(routing, asked) for name in rule.tell}
    return [roster for roster in routing.rosters if roster.name in named]


def _people(
    routing: Routing, name: str, at: datetime, why: str, warnings: dict[str, None]
) -> Iterator[_Reached]:
    """The recipients a name stands for now: itself, or those of its roster who are on duty."""
    roster = next((one for one in routing.rosters if one.name == name), None)
    if roster is None:
        yield _Reached(name, why)
        yield from _stand_ins(routing, [name], at, why)
        return
    present = on_duty(routing, roster, at)
    for who in present:
        yield _Reached(who, f"{why}, on duty in {name}")
    yield from _stand_ins(routing, on_shift(routing, roster, at), at, why)
    if present:
        return
    if roster.otherwise:
        warnings[f"nobody is on duty in {name}: its fallback is told"] = None
        for other in roster.otherwise:
            yield _Reached(other, f"{why}, fallback of {name}")
    else:
        warnings[f"nobody is on duty in {name}: everybody on it is told"] = None
        for who in roster.people:
            yield _Reached(who, f"{why}, nobody is on duty in {name}")


def _stand_ins(
    routing: Routing, names: Iterable[str], at: datetime, why: str
) -> Iterator[_Reached]:
    for name in names:
        if is_absent(routing, name, at):
            for deputy in _deputies(routing, name):
                yield _Reached(deputy, f"{why}, deputy of {name}")


def _deputies(routing: Routing, name: str) -> list[str]:
    return [one.deputy for one in routing.recipients if one.name == name and one.deputy]


def _ways(routing: Routing, found: Iterable[_Reached]) -> tuple[Told, ...]:
    why: dict[str, dict[str, None]] = {}
    for one in found:
        why.setdefault(one.name, {})[one.why] = None
    return tuple(
        Told(way.name, way.channel, way.address, "; ".join(why[way.name]))
        for way in routing.recipients
        if way.name in why
    )
