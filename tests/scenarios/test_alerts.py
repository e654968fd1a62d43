"""Alerts hour by hour: who gets what and when, after signals, acknowledgements and outages."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from bench.sink import http_sink
from shared.runtime.clock import ManualClock
from tests.scenarios.alert_timeline import FILES, Stage, read
from tests.services.notifier.support import (
    mail_sink,
)


@pytest.mark.parametrize("name", sorted(path.name for path in FILES.glob("*.yaml")))
def test_everything_that_arrives_is_what_the_time_line_says(
    engine: Engine, manual_clock: ManualClock, name: str
) -> None:
    with mail_sink() as mail, http_sink() as desk:
        Stage(engine, manual_clock, read(name), mail, desk).play()
