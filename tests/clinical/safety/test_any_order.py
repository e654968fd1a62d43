"""Whatever arrives when: the same findings and clocks stand, and each look sends the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical import Study, compare, standing_signals
from shared.contracts.envelope import Fact
from shared.contracts.signals import Signal
from tests.clinical.safety.telling import asking, day
from tests.clinical.stories import STUDY, at

SECTION = (
    "site_report: stated, silent_after_days: 9, serious_events: {regions: {EU: {time_zone: "
    "Europe/Brussels}}}, special_interest: [{id: colitis, text: Colitis, source: s, terms: "
    "[Colitis], from_grade: 2, site_within_hours: 24, immune_related: true}]"
)
MAYBE = st.sampled_from(["Y", "N", None])
DAYS = st.sampled_from(["2026-03-11", "2026-03-12T10:00", "2026-03", None])
END = at(day(60))


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    trial = asking(SECTION)
    for _ in range(draw(st.integers(1, 6))):
        hours = timedelta(hours=draw(st.integers(0, 400)))
        how: dict[str, Any] = {
            "known": at(day(9)) + hours,
            "revision": draw(st.integers(1, 4)),
            "reason": draw(st.sampled_from([None, "corrected"])),
        }
        said = {"aware_dtc": draw(DAYS), "reported_dtc": draw(DAYS), "day_0_dtc": draw(DAYS)}
        said |= {"AESLIFE": draw(MAYBE), "AESER": draw(st.sampled_from("YN"))}
        data: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        term, grade = draw(st.sampled_from(["Colitis", "Rash"])), draw(st.integers(1, 4))
        trial.event("1-01", term, grade, day(9), recordid="1-01/AE/1", **how, **data)
    return trial.facts


@settings(max_examples=25, deadline=None)
@given(facts=histories(), data=st.data())
def test_the_same_stands_in_any_order_and_chunks(facts: list[Fact], data: st.DataObject) -> None:
    whole = Study(STUDY)
    whole.add(facts)
    expected = whole.assess(as_of=END)
    study, standing, sent = Study(STUDY), list[Signal](), list[Signal]()
    for fact in data.draw(st.permutations(facts)):
        study.add([fact, fact])
        if study.protocol is None or data.draw(st.booleans()):
            continue
        keys = [one.key for one in sent if not one.ends]
        new = compare(standing, study.assess(as_of=END), keys.count)
        sent += new
        ended = {one.supersedes for one in new}
        standing = [one for one in (*standing, *new) if one.id not in ended and not one.ends]
    found = study.assess(as_of=END)
    keys = [one.key for one in sent if not one.ends]
    last = compare(standing, found, keys.count)
    ended = {one.supersedes for one in last}
    standing = [one for one in (*standing, *last) if one.id not in ended and not one.ends]
    assert found.digest == expected.digest
    assert {one.key for one in standing} == {one.key for one in standing_signals(expected)}
    assert len({one.id for one in (*sent, *last)}) == len(sent) + len(last)
