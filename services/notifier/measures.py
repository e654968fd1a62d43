"""What the notifier counts and measures. Labels are severities, channels and names, never data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from services.notifier.store import deliveries, figures
from shared.contracts.signals import Signal, SignalType
from shared.runtime.clock import Clock

BY_A_FACT = frozenset(
    {
        SignalType.DLT_CANDIDATE,
        SignalType.TOXICITY_SEVERE,
        SignalType.TOXICITY_LATE,
        SignalType.DEATH,
        SignalType.SAE,
        SignalType.HYS_LAW,
        SignalType.AESI,
    }
)
"""Raised by the fact that made them known; others may come of time alone."""


class Measures:
    """The notifier's own metrics. `registry` is the process's; a fresh one by default."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()
        self._delay = Histogram(
            "vigil_event_to_alert_seconds",
            "From when a fact was known to the alert that it raised",
            ["severity"],
            registry=registry,
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
        )
        self._attempts = Counter(
            "vigil_delivery_attempts_total",
            "Tries of deliveries by outcome",
            ["channel", "outcome"],
            registry=registry,
        )

    def raised(self, signal: Signal, now: datetime, clock: Clock) -> None:
        """An alert was raised. A simulated clock measures nothing."""
        if signal.type in BY_A_FACT and not signal.ends and not clock.simulated:
            delay = max(0.0, (now - signal.known_at).total_seconds())
            self._delay.labels(signal.severity).observe(delay)

    def tried(self, channel: str, outcome: str) -> None:
        """A delivery was tried."""
        self._attempts.labels(channel, outcome).inc()

    def watch(self, engine: Engine, clock: Clock) -> None:
        """Reads the gauges from the database whenever they are asked for."""
        self.registry.register(_Standing(engine, clock))


Figures = Callable[[Connection, datetime], Mapping[str, float]]


class _Standing(Collector):
    """How things stand: what an operator is alarmed by, whichever process it came from."""

    GAUGES: tuple[tuple[str, str, str, Figures], ...] = (
        (
            "vigil_deliveries_given_up",
            "Deliveries that were given up",
            "severity",
            lambda conn, _now: deliveries.given_up_by_severity(conn),
        ),
        (
            "vigil_oldest_unacknowledged_seconds",
            "Age of the oldest alert that wants an acknowledgement and has none",
            "severity",
            figures.oldest_unacknowledged,
        ),
        (
            "vigil_deliveries_oldest_waiting_seconds",
            "Age of the oldest delivery that has not arrived",
            "severity",
            figures.oldest_waiting,
        ),
        ("vigil_ladders_stuck", "Ladders that nothing moves", "kind", figures.stuck_ladders),
        ("vigil_clocks_overdue", "Reporting clocks that have run out", "type", figures.overdue),
    )

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def describe(self) -> list[GaugeMetricFamily]:
        return [GaugeMetricFamily(name, text, labels=[one]) for name, text, one, _ in self.GAUGES]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Nothing while the database is away: an old figure would look like a present one."""
        try:
            with self._engine.connect() as conn:
                return [self._family(conn, *gauge) for gauge in self.GAUGES]
        except SQLAlchemyError:
            return []

    def _family(
        self, conn: Connection, name: str, text: str, label: str, read: Figures
    ) -> GaugeMetricFamily:
        family = GaugeMetricFamily(name, text, labels=[label])
        for value, number in read(conn, self._clock.now()).items():
            family.add_metric([value], number)
        return family
