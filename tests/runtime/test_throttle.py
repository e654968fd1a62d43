"""Ways to a provider: how many an address may begin that lead nowhere."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from shared.runtime.clock import ManualClock
from shared.runtime.problems import Problem
from shared.runtime.throttle import ADDRESS_ALLOWANCE, count_trip, forgive_trip

HERE, THERE = "192.0.2.1", "192.0.2.2"


def test_an_address_begins_a_hundred_ways_and_then_one_every_six_seconds(
    engine: Engine, manual_clock: ManualClock
) -> None:
    with engine.begin() as conn:
        for _ in range(int(ADDRESS_ALLOWANCE)):
            count_trip(conn, HERE, manual_clock.now())
        with pytest.raises(Problem) as refused:
            count_trip(conn, HERE, manual_clock.now())
        assert (refused.value.status_code, refused.value.headers) == (429, {"Retry-After": "6"})
        count_trip(conn, THERE, manual_clock.now())
        manual_clock.advance(timedelta(seconds=6))
        count_trip(conn, HERE, manual_clock.now())
        with pytest.raises(Problem):
            count_trip(conn, HERE, manual_clock.now())


def test_a_way_that_led_back_costs_nothing(engine: Engine, manual_clock: ManualClock) -> None:
    with engine.begin() as conn:
        for _ in range(int(ADDRESS_ALLOWANCE) + 1):
            count_trip(conn, HERE, manual_clock.now())
            forgive_trip(conn, HERE)


def test_of_ipv6_a_network_is_one_address(engine: Engine, manual_clock: ManualClock) -> None:
    with engine.begin() as conn:
        for number in range(int(ADDRESS_ALLOWANCE)):
            count_trip(conn, f"2001:db8:0:1::{number:x}", manual_clock.now())
        with pytest.raises(Problem):
            count_trip(conn, "2001:db8:0:1:ffff::1", manual_clock.now())
        count_trip(conn, "2001:db8:0:2::1", manual_clock.now())
        count_trip(conn, f"::ffff:{HERE}", manual_clock.now())
        forgive_trip(conn, HERE)
        for _ in range(int(ADDRESS_ALLOWANCE)):
            count_trip(conn, f"::ffff:{HERE}", manual_clock.now())
        with pytest.raises(Problem):
            count_trip(conn, HERE, manual_clock.now())
