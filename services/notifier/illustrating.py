"""Draws the charts of mails: asks the monitor what the signal rests on, and keeps the picture.

A mail that is to show a chart waits for it at most `telling.PICTURE_WAIT`, and leaves at once when
it is drawn or cannot be. Nothing here is between an alert and its leaving: if the monitor or the
drawing process is down, slow or answers nonsense, or all of this is gone, the mail goes without.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC

from sqlalchemy import Engine

from services.notifier.channels import one_line
from services.notifier.inforce import in_force
from services.notifier.monitor import Answer, Monitor, Refused
from services.notifier.store import alerts, pictures, routings
from services.notifier.store.alerts import Alert
from services.notifier.store.pictures import Drawn, Why
from shared.charts.blocks import Chart
from shared.charts.drawer import Drawer, digest_of
from shared.charts.framing import framed
from shared.charts.of_signal import (
    STOPPING,
    charts_of_stopping,
    charts_of_study,
    charts_of_subject,
    subject_of,
)
from shared.contracts.assessment import Assessment
from shared.contracts.figures import Figures
from shared.contracts.profile import Profile, opaque_id
from shared.contracts.signals import Signal
from shared.runtime.clock import Clock
from shared.runtime.polling import Polling
from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

POLL_SECONDS = 0.2
IDLE_SECONDS = 1.0
"""Between two looks while no routing in force allows charts."""
AUDIT_SECONDS = 30.0
LEASE_SECONDS = 5.0
DRAWING_SECONDS = 5.0
"""Longer than a mail waits: of these, the start of the process takes up to two."""
MOST_BYTES = 300 * 1000


class Illustrator:
    """A thread that draws one picture after another. Any number of processes may run one."""

    def __init__(
        self,
        *,
        engine: Engine,
        clock: Clock,
        monitor: Monitor | None,
        on_settled: Callable[[], None] = lambda: None,
        drawer: Drawer | None = None,
    ) -> None:
        """`monitor` None: there is no key, and every mail is told so at once. `on_settled` is
        called when mails need wait no longer."""
        self._engine = engine
        self._clock = clock
        self._monitor = monitor
        self._on_settled = on_settled
        self._drawer = drawer or Drawer(DRAWING_SECONDS)
        self._audited: float | None = None
        self._rest = IDLE_SECONDS
        self._ending = False
        self._polling = Polling(
            "illustrator", self._turn, on_error=_failed, interrupt=self._interrupt
        )

    def start(self) -> None:
        """Starts drawing."""
        self._polling.start()

    def stop(self, timeout: float = 2.0) -> bool:
        """Leaves what is being drawn. False if that did not end within `timeout`."""
        return self._polling.stop(timeout)

    def _interrupt(self) -> None:
        self._ending = True
        self._drawer.close()

    def _turn(self) -> float:
        if self._audited is None or time.monotonic() - self._audited >= AUDIT_SECONDS:
            self._audited = time.monotonic()
            self._prepare()
        return 0.0 if self.run_once() else self._rest

    def _prepare(self) -> None:
        """Has the drawing process ready where a study allows charts: it starts for a second."""
        with self._engine.connect() as conn:
            rules = [in_force(conn, study).routing for study in routings.studies(conn)]
        allowed = any(one is not None and "chart" in one.details.email for one in rules)
        self._rest = POLL_SECONDS if allowed else IDLE_SECONDS
        if not allowed:
            return
        if self._monitor is None:
            log.warning("no charts in mails: VIGIL_NOTIFIER_KEY is not set")
        else:
            self._drawer.warm_up()

    def run_once(self) -> bool:
        """One picture, in the caller's thread; False if none is wanted."""
        with self._engine.begin() as conn:
            name = pictures.take(conn, LEASE_SECONDS)
            alert = None if name is None else alerts.by_id(conn, name)
        if alert is None:
            return False
        outcome = self._outcome(alert)
        if not self._ending:
            with self._engine.begin() as conn:
                pictures.settle(conn, alert.id, outcome, self._clock.now())
            self._on_settled()
        return True

    def _outcome(self, alert: Alert) -> Drawn | Why:
        if self._monitor is None:
            return "no-key"
        try:
            return illustrated(alert, self._monitor, self._drawer)
        except Refused:
            return "refused"
        except Exception as error:  # noqa: BLE001  whatever it is, the mail must not wait for it
            # By its class alone: what a document that cannot be read holds is health data.
            log.warning("chart of a mail failed", alert=alert.id, error=type(error).__name__)
            return "failed"


def illustrated(alert: Alert, monitor: Monitor, drawer: Drawer) -> Drawn | Why:
    """The picture of an alert's signal, or why there is none. Raises what goes wrong."""
    signal = Signal.model_validate(alert.signal)
    basis = _basis(signal, monitor)
    charts = [chart for chart in basis.charts if chart.spec is not None]
    if not charts:
        return "nothing"
    titles = [basis.title(chart, signal) for chart in charts]
    png = drawer.png(framed(charts, titles, basis.notes(alert)))
    if len(png) > MOST_BYTES:
        return "too-large"
    found = "; ".join(f"{title}: {chart.alt}" for title, chart in zip(titles, charts, strict=True))
    digests = " ".join(digest_of(chart.spec) for chart in charts if chart.spec is not None)
    return Drawn(png, one_line(f"{found}. {basis.moment}, {basis.versions}."), digests)


class Unusable(Exception):
    """The monitor gave no answer that a chart can be made of."""


class _Basis:
    """The charts of a signal, of the moment at which the assessment was made that it rests on."""

    def __init__(
        self, said: Assessment, charts: tuple[Chart, ...], lacking: bool, synthetic: bool = False
    ) -> None:
        known = said.known_at.astimezone(UTC)
        self.charts = charts
        self.moment = f"As known at {known:%Y-%m-%d %H:%M} UTC"
        self.versions = f"protocol version {said.protocol_version}, CTCAE {said.ctcae}"
        self._lacking = lacking or said.degraded or said.stale_since is not None
        self._synthetic = synthetic

    def title(self, chart: Chart, signal: Signal) -> str:
        of_subject = chart.name == "timeline" or chart.name.startswith("series-")
        return f"{chart.title}, subject {signal.subject}" if of_subject else chart.title

    def notes(self, alert: Alert) -> list[str]:
        """What is drawn into the picture, because it may be read without its mail."""
        synthetic = alert.synthetic or self._synthetic
        return [
            *(["SYNTHETIC DATA: no real patients"] if synthetic else []),
            alert.alias or f"Study {alert.study}",
            self.moment,
            f"{self.versions[0].upper()}{self.versions[1:]}",
            *(["Records may be missing: Vigil could not read all there were"] * self._lacking),
            "Vigil, decision support",
        ]


def _basis(signal: Signal, monitor: Monitor) -> _Basis:
    first = _usable(monitor.assessment(signal.study, signal.assessment_digest))
    said = Assessment.model_validate_json(first.document)
    subject = subject_of(signal, said)
    if signal.type in STOPPING:
        answer = _usable(monitor.figures(signal.study, said.known_at))
        figures = Figures.model_validate_json(answer.document)
        return _Basis(said, charts_of_stopping(signal, said, figures), answer.stale)
    if subject is not None:
        name = opaque_id(signal.study, subject.usubjid)
        answer = _usable(monitor.profile(signal.study, name, said.known_at))
        profile = Profile.model_validate_json(answer.document)
        charts = charts_of_subject(signal, said, profile)
        return _Basis(said, charts, answer.stale, profile.synthetic)
    return _Basis(said, charts_of_study(said), first.stale)


def _usable(answer: Answer | None) -> Answer:
    if answer is None:
        raise Unusable
    return answer


def _failed(error: Exception) -> None:
    log.warning("charts of mails cannot be drawn", exc_info=error)
