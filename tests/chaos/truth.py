"""What must hold when everything has calmed down, whatever was killed on the way.

Nothing acknowledged is lost, the assessment is the pure core's, and no signal is lost or doubled:
not in the monitor's record, not in the inbox, not at the subscriber, not on an open page.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from services.demo import STUDY
from shared.clinical import standing_signals
from shared.contracts.assessment import Assessment
from shared.contracts.receipts import IngestReceipt
from shared.contracts.signals import Signal
from tests.chaos.harness import Installation, wait_for
from tests.chaos.listener import Listener
from tests.chaos.sink import Sink
from tests.chaos.trial import Sender, connected, pure_study, stated_facts, subject_codes

LEASE_SECONDS = 30.0
"""How long a try of a delivery is nobody else's; see `services.notifier.outreach.Patience`."""

EVERY_NTH_RECEIPT = 10
"""All receipts are looked for in the record, these also asked for by their address."""

_UNTOLD = sa.text(
    "SELECT (SELECT count(*) FROM dlt_monitor.signal) - (SELECT count(*) FROM notifier.alert)"
)
_UNSETTLED = sa.text("SELECT count(*) FROM notifier.delivery WHERE state IN ('pending', 'failed')")
_ORPHANED = sa.text(
    "UPDATE notifier.delivery SET lease_until = clock_timestamp()"
    " WHERE lease_until < to_timestamp(:started) + make_interval(secs => :lease)"
)


def check_everything(sender: Sender, sink: Sink, listener: Listener) -> None:
    """Waits until all is applied and told, and compares. AssertionError says what is wrong."""
    calm_down(sender)
    check_intake(sender)
    assessment = check_assessment(sender)
    signals = check_signals(sender, assessment)
    told = [signal.id for signal in signals]
    check_telling(sender, sink, told)
    wait_for("the page to show every signal", lambda: len(listener.heard) >= len(told))
    assert listener.heard == set(told)
    logs = sender.vigil.logs()
    assert not [code for code in subject_codes() if code in logs], "subject codes in a log"


def calm_down(sender: Sender) -> None:
    """Waits until every fact is applied and every delivery settled, while time goes on."""
    vigil = sender.vigil
    wait_for("every process to be ready", vigil.is_ready)
    facts = len(stated_facts()) + 1
    wait_for("the monitor to apply every fact", lambda: sender.applied() == facts)
    with connected(vigil.database_url()) as conn:
        _let_leases_of_the_dead_run_out(conn, vigil)
        wait_for("every signal to become an alert", lambda: _count(conn, _UNTOLD) == 0)
        wait_for("every delivery to be settled", lambda: _settled_in_time(conn, vigil))


def check_intake(sender: Sender) -> None:
    """Every acknowledged line has its receipt, and its fact is where it belongs, once."""
    stated = stated_facts()
    assert len(sender.receipts) == len(stated)
    with connected(sender.vigil.database_url()) as conn:
        receipts = _column(conn, "SELECT receipt FROM ingest.delivery WHERE result = 'accepted'")
        held = _column(conn, "SELECT fact_id FROM dlt_monitor.fact WHERE kind <> 'protocol'")
        kept = _column(conn, "SELECT fact_id FROM ingest.version WHERE kind <> 'protocol'")
        parked = _column(conn, "SELECT reason FROM bus.parked")
    assert set(sender.receipts.values()) <= set(receipts)
    for (source, _), receipt in islice(sender.receipts.items(), None, None, EVERY_NTH_RECEIPT):
        body = sender.vigil.get(f"/ingest/v1/receipts/{receipt}", sender.keys.sources[source])
        assert IngestReceipt.model_validate(body).result == "accepted"
    assert sorted(held) == sorted(fact.fact_id for fact in stated)
    assert sorted(kept) == sorted(held)
    assert parked == []


def check_assessment(sender: Sender) -> Assessment:
    """The monitor says what the pure core says of the same facts."""
    path = f"/monitor/v1/studies/{STUDY}/assessment"
    given = Assessment.model_validate(sender.vigil.get(path, sender.keys.reader), strict=False)
    pure = pure_study().assess(as_of=given.as_of, known_at=given.known_at)
    assert given.digest == pure.digest
    return pure


def check_signals(sender: Sender, assessment: Assessment) -> list[Signal]:
    """No signal was raised while it stood, none ended that did not, and the right ones stand."""
    signals = _all_signals(sender)
    standing: dict[str, str] = {}
    for signal in signals:
        if signal.supersedes is not None:
            (key,) = [key for key, one in standing.items() if one == signal.supersedes]
            del standing[key]
        if not signal.ends:
            assert signal.key not in standing, "a signal was raised twice"
            standing[signal.key] = signal.id
    assert set(standing) == {signal.key for signal in standing_signals(assessment)}
    assert len({signal.id for signal in signals}) == len(signals)
    return signals


def check_telling(sender: Sender, sink: Sink, signals: list[str]) -> None:
    """Every signal is one alert, and was accepted by the sink under one id with one body."""
    with connected(sender.vigil.database_url()) as conn:
        alerts = _column(conn, "SELECT signal_id FROM notifier.alert")
        told = conn.execute(
            sa.text("SELECT id, signal_id, state FROM notifier.delivery WHERE channel = 'webhook'")
        ).all()
    assert sorted(alerts) == sorted(signals)
    assert sorted(row.signal_id for row in told) == sorted(signals)
    assert {row.state for row in told} == {"sent"}
    assert sink.accepted == {row.id for row in told}
    assert all(len(bodies) == 1 for bodies in sink.bodies.values())


def _all_signals(sender: Sender) -> list[Signal]:
    path, found, after = f"/monitor/v1/studies/{STUDY}/signals", list[Signal](), 0
    while True:
        page: dict[str, Any] = sender.vigil.get(path, sender.keys.reader, after=after)
        found += [Signal.model_validate(one) for one in page["signals"]]
        if page["next"] is None:
            return found
        after = int(page["next"])


def _settled_in_time(conn: Connection, vigil: Installation) -> bool:
    if _count(conn, _UNSETTLED) == 0:
        return True
    # What was refused is due again later, by the simulated clock.
    vigil.clock.set(vigil.clock.now() + timedelta(minutes=1))
    return False


def _let_leases_of_the_dead_run_out(conn: Connection, vigil: Installation) -> None:
    """Whoever took a lease before the last start is dead; the test does not wait it out."""
    conn.execute(_ORPHANED, {"started": vigil.started_at, "lease": LEASE_SECONDS})
    conn.commit()


def _count(conn: Connection, query: sa.TextClause) -> int:
    number: int = conn.execute(query).scalar_one()
    conn.commit()
    return number


def _column(conn: Connection, query: str) -> list[str]:
    return list(conn.execute(sa.text(query)).scalars())
