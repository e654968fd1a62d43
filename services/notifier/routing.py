"""Who is told of which signal: a study's routing document, read strictly and applied purely.

Every rule that matches counts, so that adding a rule can never take a recipient away. Names stand
for roles ("medical-monitor"), not persons.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.notifier.addresses import check_url, is_mailbox
from services.notifier.documents import DocumentRefused, Finding, read_document
from shared.contracts.signals import Severity, SignalType

Channel = Literal["email", "webhook"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
URGENT: frozenset[Severity] = frozenset({"urgent", "critical"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Recipient(_Part):
    """One way to reach a role. A name may occur once per channel."""

    name: Name
    channel: Channel
    address: Annotated[str, StringConstraints(min_length=1, max_length=512)]


class Rule(_Part):
    """Conditions left out hold for every signal; all that are given must hold.

    A signal that names no dose level concerns every dose level, so `dose_levels` never excludes
    it.
    """

    name: Name
    severities: tuple[Severity, ...] | None = Field(default=None, min_length=1)
    types: tuple[Annotated[SignalType, Field(strict=False)], ...] | None = Field(
        default=None, min_length=1
    )
    dose_levels: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(default=None, min_length=1)
    tell: tuple[Name, ...] = Field(min_length=1)

    def matches(self, type: SignalType, severity: Severity, dose_level: int | None) -> bool:
        """Whether the signal is one this rule speaks of."""
        return (
            (self.severities is None or severity in self.severities)
            and (self.types is None or type in self.types)
            and (self.dose_levels is None or dose_level is None or dose_level in self.dose_levels)
        )


class Routing(_Part):
    """A study's routing. `synthetic` labels every message as not about real patients."""

    study: str
    synthetic: bool = False
    recipients: tuple[Recipient, ...] = Field(min_length=1, max_length=200)
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=200)


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who is told, where, and because of which rules."""

    subscriber: str
    channel: str
    address: str
    why: str


def load_routing(text: str, *, study: str | None = None) -> Routing:
    """Read a routing document. Raises DocumentRefused (line, place, problem, remedy).

    With `study`, a document written for another study is refused.
    """
    document = read_document(text)
    routing = document.as_model(Routing)
    places = list(_contradictions(routing))
    if study is not None and routing.study != study:
        places.append((("study",), "is another study's routing", f"write {study}"))
    if places:
        raise DocumentRefused(document.finding(*place) for place in places)
    return routing


def who_is_told(
    routing: Routing, type: SignalType, severity: Severity, dose_level: int | None
) -> tuple[Told, ...]:
    """Everybody the rules name for such a signal, once per channel, and which rules did."""
    rules: dict[str, list[str]] = {}
    for rule in routing.rules:
        if rule.matches(type, severity, dose_level):
            for name in dict.fromkeys(rule.tell):
                rules.setdefault(name, []).append(rule.name)
    return tuple(
        Told(r.name, r.channel, r.address, "rule " + ", ".join(rules[r.name]))
        for r in routing.recipients
        if r.name in rules
    )


def gaps(routing: Routing) -> tuple[str, ...]:
    """What the routing leaves to the inbox alone, worth a person's look; empty where nothing."""
    found = []
    for severity in ("critical", "urgent"):
        missed = [
            str(kind)
            for kind in SignalType
            if not all(who_is_told(routing, kind, severity, level) for level in _levels(routing))
        ]
        if missed:
            found.append(f"no rule tells anybody of {severity} signals of: {', '.join(missed)}")
    told = {name for rule in routing.rules for name in rule.tell}
    idle = sorted({recipient.name for recipient in routing.recipients} - told)
    if idle:
        found.append(f"no rule tells: {', '.join(idle)}")
    return tuple(found)


def _levels(routing: Routing) -> list[int]:
    """Every dose level a rule names, and one that none does."""
    named = {level for rule in routing.rules for level in rule.dose_levels or ()}
    return [*sorted(named), max(named, default=0) + 1]


def _contradictions(
    routing: Routing,
) -> Iterable[tuple[tuple[str | int, ...], str, str]]:
    """What each part allows but the whole does not: place, problem, remedy."""
    ways: set[tuple[str, str]] = set()
    for index, recipient in enumerate(routing.recipients):
        if (recipient.name, recipient.channel) in ways:
            yield ("recipients", index), "occurs twice", "give each channel of a name once"
        ways.add((recipient.name, recipient.channel))
        problem = _address_problem(recipient)
        if problem is not None:
            yield ("recipients", index, "address"), *problem
    names: set[str] = set()
    for index, rule in enumerate(routing.rules):
        if rule.name in names:
            yield ("rules", index, "name"), "names two rules", "give each rule its own name"
        names.add(rule.name)
        for place, name in enumerate(rule.tell):
            if name not in {known for known, _ in ways}:
                yield (
                    ("rules", index, "tell", place),
                    "is not among the recipients",
                    "add the recipient, or correct the name",
                )


def _address_problem(recipient: Recipient) -> tuple[str, str] | None:
    if recipient.channel == "email":
        if not is_mailbox(recipient.address):
            return "is not one e-mail address", "write it as name@example.org"
        return None
    try:
        check_url(recipient.address)
    except ValueError as error:
        return str(error), "write it as https://host/path"
    return None


__all__ = [
    "SEVERITIES",
    "URGENT",
    "DocumentRefused",
    "Finding",
    "Recipient",
    "Routing",
    "Rule",
    "Told",
    "gaps",
    "load_routing",
    "who_is_told",
]
