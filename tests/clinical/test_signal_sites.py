"""A signal about a subject names the subject's site, for whoever routes by it; in doubt, none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.clinical import Study, compare
from shared.contracts.signals import Signal
from tests.clinical.stories import DAY_1, STUDY, Trial, at

LATER = at(DAY_1 + timedelta(days=4))


def _raised(trial: Trial, standing: Sequence[Signal] = ()) -> tuple[Signal, ...]:
    study = Study(STUDY)
    study.add(trial.facts)
    return compare(standing, study.assess(as_of=LATER), lambda _: 0, study.site_of)


def _death(*sites: str | None) -> Trial:
    """A subject of each site, all with the same number; each dies."""
    trial = Trial()
    for number, site in enumerate(sites):
        name = f"{number}-01"
        trial.enrol(name)
        data = {"SUBJID": "01", "RFICDTC": str(DAY_1)} | ({"SITEID": site} if site else {})
        record = f"{name}/DM"
        trial._add("subject", data, recordid=record, known=at(DAY_1), subject=name, revision=2)
        trial.event(name, "Death NOS", 5, DAY_1 + timedelta(days=3))
    return trial


@pytest.mark.parametrize(
    ("sites", "named"),
    [(["07"], "07"), ([None], None), (["07", "07"], "07"), (["07", "09"], None)],
)
def test_the_site_is_named_where_it_is_known_and_one(
    sites: list[str | None], named: str | None
) -> None:
    found = {(one.subject, one.site) for one in _raised(_death(*sites))}
    assert {site for name, site in found if name == "01"} == {named}
    assert {site for name, site in found if name is None} == {None}


def test_what_ends_names_the_site_that_was_told_of_it() -> None:
    trial = _death("07")
    told = _raised(trial)
    trial.facts = [fact for fact in trial.facts if fact.kind == "protocol"]
    ended = {one.supersedes: one.site for one in _raised(trial, told) if one.ends}
    assert {ended[one.id] for one in told if one.subject == "01"} == {"07"}
