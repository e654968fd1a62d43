"""What the other services answer, as far as the pages show it. A service may say more."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shared.contracts.assessment import Action, Assessment
from shared.contracts.signals import Severity, Signal


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class StudyEntry(_Answer):
    """One study this key may see. Without a protocol there is nothing to recommend; without any
    record there is not even a name. `stale`: the monitor itself says that it is behind."""

    study: str
    title: str | None = None
    synthetic: bool = False
    protocol_version: str | None = None
    ctcae: str | None = None
    status: str
    degraded: bool
    stale: bool = False
    action: Action | None = None
    dose_level: int | None = None
    as_of: datetime | None = None
    digest: str | None = None
    applied_through: str | None = None


class Studies(_Answer):
    """``GET /monitor/v1/studies``"""

    studies: tuple[StudyEntry, ...]


class Signals(_Answer):
    """``GET /monitor/v1/studies/{study}/signals``, oldest first; `next` is None at the end."""

    signals: tuple[Signal, ...]
    next: str | None = None


class Acknowledgement(_Answer):
    """That a person has seen an alert."""

    name: str
    at: datetime


class Told(_Answer):
    """The signal of an alert, as far as a list of alerts names it."""

    id: str
    severity: Severity


class Alert(_Answer):
    """The notifier's record of one signal. `signal` is None for a test of the channels; `asks`: it
    wants an acknowledgement; `warnings` say what is wrong with the way it was routed."""

    id: str
    study: str
    version: int
    state: str = "open"
    asks: bool
    raised_at: datetime
    signal: Told | None
    acknowledgements: tuple[Acknowledgement, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        return self.signal.severity if self.signal else ""


class Alerts(_Answer):
    """``GET /notifier/v1/alerts/brief``: every alert of a study. `warnings` by study say whom
    alerts do not reach."""

    alerts: tuple[Alert, ...]
    warnings: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class Assessed:
    """An assessment, and whether the monitor itself calls it out of date. ``source``: the digest of
    the whole answer, which names more than the assessment's own."""

    assessment: Assessment
    stale: bool
    source: bytes


@dataclass(frozen=True, slots=True)
class Raised:
    """Every signal of a study, oldest first. ``source`` tells one list from another."""

    signals: tuple[Signal, ...]
    source: bytes


@dataclass(frozen=True, slots=True)
class Inbox:
    """A study's alerts, and what its readers must know about how they are sent. ``source`` tells
    one inbox from another."""

    alerts: tuple[Alert, ...]
    warnings: tuple[str, ...]
    source: bytes
