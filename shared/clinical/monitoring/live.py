"""One look at a stopping rule: where the counts stand, and what the pending could still do.

Stopping acts at once on confirmed and candidate events. "Clear" is said only when nothing pending
could cross, in whatever order the pending become final.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.clinical.designs.model import Report, Value
from shared.clinical.monitoring.boundaries import (
    REACH,
    limits_within_reach,
    posterior,
    tuned,
)
from shared.clinical.monitoring.model import EventCounts, Look, Status, margin_of, status_of
from shared.clinical.monitoring.rules import (
    BetaBinomial,
    NOfM,
    RepeatedTesting,
    Rule,
    SafetyRule,
    TwoStage,
)
from shared.clinical.monitoring.two_stage import look_at_responses

_GRAVITY: Sequence[Status] = ("clear", "open", "near", "crossed")


def look(rule: Rule, counts: EventCounts) -> Look:
    """What the rule says of the counts.

    >>> rule = NOfM(events=3, of=10, event="grade 3 or 4 treatment-related AE")
    >>> print(look(rule, EventCounts(n=5, events=1, pending=2, candidate=1)).report.text)
    one more event stops: 2 of 6 subjects with grade 3 or 4 treatment-related AE, 1 of them not \
confirmed yet; 3 of 7 would stop: 1 of the 1 pending can bring that
    """
    if isinstance(rule, TwoStage):
        return look_at_responses(rule, counts)
    here = _standing(rule, counts)
    status = status_of(counts, here.margin)
    report = Report(
        rule=f"{rule.kind}.{status}",
        text=_text(rule, counts, here),
        inputs=_inputs(rule, counts, here),
        thresholds=_thresholds(rule, here),
        margin=here.margin,
        source=rule.source,
    )
    return Look(status, here.margin, report)


def look_by_class(rules: Mapping[str, Rule], counts: Mapping[str, EventCounts]) -> Look:
    """Every class of events by its own rule and its own denominator; the gravest one speaks.

    A class without counts is `open`: what is not known is never shown as fine.

    >>> rules = {"all": NOfM(events=4, of=9), "immune": NOfM(events=2, of=9)}
    >>> counts = {"all": EventCounts(n=9, events=2), "immune": EventCounts(n=8, events=2)}
    >>> look_by_class(rules, counts).status
    'crossed'
    """
    strangers = sorted(set(counts) - set(rules))
    if strangers or not rules:
        raise ValueError(f"no rule for {strangers}" if strangers else "no rule at all")
    looks = {name: _look_or_ask(name, rule, counts.get(name)) for name, rule in rules.items()}
    gravest = max(looks, key=lambda name: _GRAVITY.index(looks[name].status))
    worst = looks[gravest]
    report = Report(
        rule=f"by_class.{worst.status}",
        text=f"{gravest}: {worst.report.text}",
        inputs={name: one.status for name, one in looks.items()},
        margin=worst.margin,
        source=worst.report.source,
        children=tuple(one.report for one in looks.values()),
    )
    return Look(worst.status, worst.margin, report)


def _look_or_ask(name: str, rule: Rule, counts: EventCounts | None) -> Look:
    if counts is not None:
        return look(rule, counts)
    text = f"may cross: {name} is not counted, so nothing is known of {rule.event}"
    return Look("open", None, Report(f"{rule.kind}.open", text, source=rule.source))


@dataclass(frozen=True, slots=True)
class _Standing:
    """Events and subjects with the candidates counted, the boundary there, and how far it is.

    `ago`: between looks the counts may show that they crossed earlier, at so many subjects fewer,
    even if all of these had the event; `stop_at` is the boundary there.
    """

    events: int
    n: int
    stop_at: int
    margin: int | None
    ago: int

    @property
    def next_stop(self) -> str:
        """The nearest counts that stop, if only events follow."""
        assert self.margin is not None
        return f"{self.events + self.margin} of {self.n + self.margin}"


def _standing(rule: SafetyRule, counts: EventCounts) -> _Standing:
    limits = limits_within_reach(rule, counts)
    events, n = counts.events + counts.candidate, counts.n + counts.candidate
    back = range(events + 1)
    ago = next((ago for ago in back if events - ago >= limits[n - ago]), 0)
    return _Standing(events, n, limits[n - ago], margin_of(limits, counts), ago)


# ------------------------------------------------------------------------------- in English

_VERDICT: Mapping[Status, str] = {
    "crossed": "stop",
    "near": "one more event stops",
    "open": "may cross",
    "clear": "clear",
}


def _text(rule: SafetyRule, counts: EventCounts, here: _Standing) -> str:
    unconfirmed = f", {counts.candidate} of them not confirmed yet" if counts.candidate else ""
    standing = f"{here.events} of {here.n} {rule.denominator} with {rule.event}{unconfirmed}"
    parts = (
        f"{_VERDICT[status_of(counts, here.margin)]}: {standing}",
        _prospect(here, counts.pending - counts.candidate),
        _outside(rule, here.n),
    )
    return "; ".join(part for part in parts if part)


def _prospect(here: _Standing, waiting: int) -> str:
    if here.margin is None:
        return f"no {REACH} further events would stop"
    if not here.margin:
        stop = f"{here.stop_at} or more of {here.n - here.ago} stop"
        return f"{stop}, and that many had it then" if here.ago else stop
    if not waiting:
        return f"{here.next_stop} would stop"
    if here.margin > waiting:
        return f"{here.next_stop} would stop, more than the {waiting} pending can bring"
    return f"{here.next_stop} would stop: {here.margin} of the {waiting} pending can bring that"


def _outside(rule: SafetyRule, n: int) -> str:
    """What a reader of the protocol would miss: looks not due, subjects the rule is not about."""
    if isinstance(rule, NOfM) and n > rule.of:
        return f"beyond the {rule.of} subjects of the rule its boundary is kept"
    if isinstance(rule, RepeatedTesting) and n > rule.looks[-1]:
        return f"beyond the last look at {rule.looks[-1]} its boundary is kept"
    if isinstance(rule, RepeatedTesting) and n not in rule.looks:
        return f"next look at {next(one for one in rule.looks if one > n)}"
    return ""


# ------------------------------------------------------------------------------- in numbers


def _inputs(rule: SafetyRule, counts: EventCounts, here: _Standing) -> dict[str, Value]:
    inputs = counts.as_inputs()
    if isinstance(rule, BetaBinomial):
        inputs["posterior"] = posterior(rule, here.n, here.events)
    return inputs


def _thresholds(rule: SafetyRule, here: _Standing) -> dict[str, Value]:
    stops: dict[str, Value] = {"stop_at": here.stop_at if here.stop_at <= here.n else None}
    if here.margin:
        stops["next_stop"] = here.next_stop
    return stops | _parameters(rule)


def _parameters(rule: SafetyRule) -> dict[str, Value]:
    match rule:
        case BetaBinomial():
            return {"p0": rule.p0, "cutoff": rule.cutoff, "prior": f"Beta({rule.a:g}, {rule.b:g})"}
        case RepeatedTesting():
            return _tested(rule)
        case _:
            return {}


def _tested(rule: RepeatedTesting) -> dict[str, Value]:
    found = tuned(rule)
    tested: dict[str, Value] = {
        "level": found.level,
        "delta": rule.delta,
        "p0": rule.p0,
        "crossing_at_p0": found.crossing,
    }
    return tested if rule.p1 is None else tested | {"p1": rule.p1, "crossing_at_p1": found.power}
