"""The routing document: what a study may say about who is told, when, by which way and how again.

Names stand for roles ("medical-monitor") or people ("dr-a"); rosters say who of them is on duty.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic import StringConstraints as Text

from shared.contracts.signals import Severity, SignalType

Channel = Literal["email", "webhook", "apprise"]
Detail = Literal["type", "rule", "dose_level", "subject", "text"]
MailDetail = Literal["type", "rule", "dose_level", "subject", "text", "chart"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Name = Annotated[str, Text(pattern=r"^[a-z][a-z0-9-]{0,62}$")]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
DAYS: tuple[Day, ...] = get_args(Day)
URGENT: frozenset[Severity] = frozenset({"urgent", "critical"})
NEVER_HELD_BACK = frozenset(
    {
        SignalType.DEATH,
        SignalType.DOSE_EXCEEDED,
        SignalType.ENROLMENT_HOLD,
        SignalType.STOPPING_CROSSED,
        SignalType.STOPPING_NEAR,
    }
)
"""Grade 5, stopping and hold signals wait for no digest, whatever their severity."""

_DURATION = re.compile(r"([1-9]\d{0,3})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
LONGEST = timedelta(days=30)


def _duration(value: Any) -> Any:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a duration as 15m, 2h or 1d")
    found = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if found > LONGEST:
        raise ValueError(f"is longer than {LONGEST.days} days")
    return found


def _time(value: Any) -> Any:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a time of day as 08:00")
    return time(int(match[1]), int(match[2]))


def _date(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("write a date as 2026-12-24") from None


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("is not a time zone; write Europe/Berlin, for example")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
TimeOfDay = Annotated[time, BeforeValidator(_time)]
LocalDate = Annotated[date, BeforeValidator(_date)]
TimeZone = Annotated[str, AfterValidator(_zone)]
Kind = Annotated[SignalType, Field(strict=False)]


class Part(BaseModel):
    """A piece of the document: strict, and unchanged once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Names = tuple[Name, ...]
Code = Annotated[str, Text(min_length=1, max_length=64)]


class Recipient(Part):
    """One way to reach a role or a person; a name may occur once per channel. While somebody is
    absent, and when a ladder says so, the `deputy` is told."""

    name: Name
    channel: Channel
    address: Annotated[str, Text(min_length=1, max_length=512)]
    deputy: Name | None = None


class Occasion(Part):
    """What a rule may ask about: a signal, and the moment at which somebody is to be told."""

    type: Kind
    severity: Severity
    at: datetime
    dose_level: int | None = None
    cohort: str | None = None
    site: str | None = None


class Rule(Part):
    """Conditions left out hold for every signal; all that are given must hold. Rules within a rule
    are asked only where it holds, and add to whom it tells.

    A signal that names no dose level, cohort or site may concern any of them, so a condition on
    these never excludes it.
    """

    name: Name
    severities: tuple[Severity, ...] | None = Field(default=None, min_length=1)
    types: tuple[Kind, ...] | None = Field(default=None, min_length=1)
    dose_levels: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(default=None, min_length=1)
    cohorts: tuple[Code, ...] | None = Field(default=None, min_length=1)
    sites: tuple[Code, ...] | None = Field(default=None, min_length=1)
    tell: Names = ()
    rules: tuple[Rule, ...] = ()

    def matches(self, asked: Occasion) -> bool:
        """Whether the signal is one this rule speaks of."""
        return (
            (self.severities is None or asked.severity in self.severities)
            and (self.types is None or asked.type in self.types)
            and _may_be(asked.dose_level, self.dose_levels)
            and _may_be(asked.cohort, self.cohorts)
            and _may_be(asked.site, self.sites)
        )


def _may_be(value: object, wanted: tuple[object, ...] | None) -> bool:
    return wanted is None or value is None or value in wanted


class Shift(Part):
    """Who is on duty on which days from a local time to another; one not after the first is the
    next day's."""

    people: Names = Field(min_length=1)
    days: tuple[Day, ...] = Field(default=DAYS, min_length=1)
    begins: TimeOfDay = Field(alias="from")
    ends: TimeOfDay = Field(alias="to")


class Roster(Part):
    """People who take turns. `people` is the order in which a ladder asks the next one; without
    `shifts` the first of them is always on duty. `otherwise`: who is told while nobody is."""

    name: Name
    people: Names = Field(min_length=1)
    time_zone: TimeZone | None = None
    shifts: tuple[Shift, ...] = ()
    otherwise: Names = ()


class Absence(Part):
    """Local dates on which somebody is not on duty, both inclusive."""

    name: Name
    first: LocalDate
    last: LocalDate


class Step(Part):
    """`after` the alert was raised, while nobody has acknowledged it: tell those told so far once
    more, the next person of each roster, the deputies, everyone, or those named."""

    after: Duration
    tell: Literal["repeat", "next", "deputy", "everyone"] | Names


class Ladder(Part):
    """How alerts are chased. After the last step everybody told so far is reminded, `again_every`
    so often, until somebody acknowledges the alert: silence never ends it."""

    name: Name
    severities: tuple[Severity, ...] | None = Field(default=None, min_length=1)
    types: tuple[Kind, ...] | None = Field(default=None, min_length=1)
    steps: tuple[Step, ...] = ()
    again_every: Duration = timedelta(hours=12)

    def matches(self, severity: Severity, type: SignalType) -> bool:
        """Whether alerts of this kind are chased so."""
        return (self.severities is None or severity in self.severities) and (
            self.types is None or type in self.types
        )


class Digest(Part):
    """Signals of these severities are told once a day together, instead of one by one."""

    severities: tuple[Literal["info", "notice"], ...] = Field(min_length=1)
    at: TimeOfDay


class WeeklyTest(Part):
    """When a labelled test goes to every recipient."""

    day: Day
    at: TimeOfDay


class Details(Part):
    """What messages of a channel may say beyond study, severity and link; a mail may show its
    chart."""

    email: tuple[MailDetail, ...] = ()
    webhook: tuple[Detail, ...] = ()
    apprise: tuple[Detail, ...] = ()

    def of(self, channel: str) -> tuple[MailDetail, ...]:
        """What a channel may say."""
        return {"email": self.email, "webhook": self.webhook, "apprise": self.apprise}[channel]


class Routing(Part):
    """A study's routing. `alias` stands for the study in messages; `synthetic` labels them as not
    about real patients."""

    study: str
    alias: Annotated[str, Text(min_length=1, max_length=100)] | None = None
    synthetic: bool = False
    time_zone: TimeZone = "UTC"
    recipients: tuple[Recipient, ...] = Field(min_length=1, max_length=200)
    rosters: tuple[Roster, ...] = Field(default=(), max_length=50)
    absences: tuple[Absence, ...] = Field(default=(), max_length=500)
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=200)
    ladders: tuple[Ladder, ...] = Field(default=(), max_length=50)
    digest: Digest | None = None
    weekly_test: WeeklyTest | None = None
    details: Details = Details()

    @property
    def zone(self) -> ZoneInfo:
        """The study's own time zone: of absences, digests and tests."""
        return ZoneInfo(self.time_zone)

    def ladder_for(self, severity: Severity, type: SignalType) -> Ladder | None:
        """The first ladder that speaks of such alerts."""
        return next((one for one in self.ladders if one.matches(severity, type)), None)

    def held_back(self, severity: Severity, type: SignalType) -> bool:
        """Whether such a signal waits for the digest."""
        return (
            self.digest is not None
            and severity in self.digest.severities
            and type not in NEVER_HELD_BACK
        )
