"""Another service reads the same over HTTP with its key as in the process of the monitor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from fastapi import FastAPI

from services.dlt_monitor.reading import Reading
from services.notifier.monitor import HttpMonitor, Refused
from shared.contracts.profile import opaque_id
from tests.services.dlt_monitor.service import Service
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at

DAY_10 = DAY_1 + timedelta(days=9)
ME = opaque_id(STUDY, f"{STUDY}-1-01")


@pytest.fixture
def asking(service: Service, trial: Trial) -> Iterator[HttpMonitor]:
    """With the key of an auditor, the least that may read."""
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort(), trial.platelets("1-01", DAY_10, "21"))
    base = str(service.client.base_url).partition("/monitor/v1")[0]
    asking = HttpMonitor(base, service._key("auditor", STUDY), seconds=60)
    yield asking
    asking.close()


def test_both_ways_give_the_same(app: FastAPI, service: Service, asking: HttpMonitor) -> None:
    inside: Reading = app.state.reading
    said = service.about("assessment")
    known = datetime.fromisoformat(said["known_at"])
    for here, there in (
        (inside.assessment(STUDY, said["digest"]), asking.assessment(STUDY, said["digest"])),
        (inside.profile(STUDY, ME, known), asking.profile(STUDY, ME, known)),
        (inside.figures(STUDY, known), asking.figures(STUDY, known)),
    ):
        assert here is not None
        assert there is not None
        assert (here.document, here.stale) == (there.document, there.stale)


def test_both_ways_say_that_there_is_nothing(
    app: FastAPI, service: Service, asking: HttpMonitor
) -> None:
    inside: Reading = app.state.reading
    known = datetime.fromisoformat(service.about("assessment")["known_at"])
    unknown = f"sha256:{'0' * 64}"
    for reading in (inside, asking):
        assert reading.assessment(STUDY, unknown) is None
        assert reading.profile(STUDY, "0" * 16, known) is None


def test_a_key_sees_its_own_studies_alone(asking: HttpMonitor) -> None:
    with pytest.raises(Refused):
        asking.assessment("TRIAL-9", f"sha256:{'0' * 64}")
