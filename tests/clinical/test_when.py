"""Dates read once for many records are the dates each record states, at its own site and as far as
it was known."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.timeline import Entry, entry_of
from shared.clinical.when import ALWAYS, NEVER
from shared.contracts.dates import parse_dtc
from shared.contracts.envelope import read_fact
from tests.clinical.stories import DAY_1, Trial, at

_ZONES = ("Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "UTC")
_DATES = st.one_of(
    st.sampled_from(["2026", "2026-03", "2026---15", "2026-03-01", "2026-03-04"]),
    st.builds(
        "2026-03-{:02d}T{:02d}:{:02d}{}".format,
        st.integers(1, 6),
        st.integers(0, 23),
        st.sampled_from([0, 59]),
        st.sampled_from(["", "Z", "+14:00", "-11:00"]),
    ),
)


def _entry(dtc: str, known: datetime) -> Entry:
    data = {"LBTESTCD": "PLAT", "LBORRES": "80", "LBORRESU": "10^9/L", "LBDTC": dtc}
    return entry_of(Trial().record("lab", "1-01", data, known=known))


@settings(deadline=None)
@given(dtc=_DATES, zone=st.sampled_from(_ZONES), hours=st.integers(-60, 200))
def test_a_date_is_the_stated_one_and_none_after_it_was_known(
    dtc: str, zone: str, hours: int
) -> None:
    site, known = ZoneInfo(zone), at(DAY_1) + timedelta(hours=hours)
    found, stated = _entry(dtc, known).when(site), parse_dtc(dtc)
    first, last = stated.local_dates(site)
    latest = known.astimezone(site).date() + timedelta(days=1)
    assert (found.last, found.moment) == (last, stated.instants(site))
    assert found.first <= max(latest, known.astimezone(UTC).date())
    assert found.slipped == (found.first != first)
    assert found.slipped or first <= max(latest, known.astimezone(UTC).date())


@settings(deadline=None)
@given(dtc=_DATES, zone=st.sampled_from(_ZONES))
def test_nothing_is_seen_before_its_earliest_instant(dtc: str, zone: str) -> None:
    entry = _entry(dtc, at(DAY_1 + timedelta(days=400)))
    assert entry.earliest <= entry.instants(ZoneInfo(zone))[0]
    assert entry.seen(entry.earliest, ZoneInfo("Pacific/Kiritimati"))


def test_a_deletion_speaks_of_any_time_and_a_statement_without_a_date_of_none() -> None:
    trial = Trial()
    sample = trial.lab("1-01", "PLAT", "80", DAY_1)
    assert entry_of(trial.delete(sample, at(DAY_1))).earliest == ALWAYS
    data = {"domain": "ALL", "complete_through": "2026-03-02"}
    assert (
        entry_of(trial.record("review_complete", "1-01", data, known=at(DAY_1))).earliest == NEVER
    )


@pytest.mark.parametrize("offset", ["Z", "+00:00", "+08:00"])
def test_a_fact_read_back_was_known_at_the_same_moment(offset: str) -> None:
    known = f"2026-03-02T07:00:00{offset}"
    told = Trial().lab("1-01", "PLAT", "80", DAY_1).model_dump(mode="json") | {"known_at": known}
    found = read_fact(json.dumps(told)).known_at
    assert found == datetime.fromisoformat(known)
    assert (found.tzinfo is UTC) == (offset != "+08:00")
