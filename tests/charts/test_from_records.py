"""Every chart's numbers against the records themselves, read here by other means."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

import pytest

from services.demo.replay import events, facts_of
from shared.charts.blocks import Chart
from shared.charts.heart import qtcf
from shared.charts.stopping import stopping as stopping_charts
from shared.charts.study import study_charts
from shared.charts.timeline import timeline
from shared.charts.tumour import spider, waterfall
from shared.clinical import Study
from shared.clinical.figures import figures_of
from shared.clinical.profile import profile_of
from shared.contracts.envelope import Fact
from shared.contracts.profile import opaque_id
from tests.charts.reading import rows_of
from tests.clinical.samples_support import ecg, trial
from tests.clinical.stories import PROTOCOL, STUDY, Trial, day, end_of
from tests.clinical.test_figures import assess_tumour, figures, stopping
from tests.services.console.packet_support import HOLD, demo_packet, demo_study


@cache
def records(kind: str) -> tuple[dict[str, Any], ...]:
    """What stood of each record on the day of the hold, with the subject's code."""
    latest: dict[str, Fact] = {}
    for fact in sorted(facts_of(events()), key=lambda one: (one.known_at, one.revision or 0)):
        if fact.kind == kind and fact.known_at <= HOLD:
            latest[fact.recordid] = fact
    return tuple(
        {**fact.data, "code": (fact.subject or "").removeprefix(f"{STUDY}-")}
        for fact in latest.values()
        if fact.op == "upsert"
    )


@cache
def first_doses() -> dict[str, date]:
    found: dict[str, date] = {}
    for one in records("dose"):
        if one["ECOCCUR"] == "Y":
            given = date.fromisoformat(one["ECSTDTC"][:10])
            found[one["code"]] = min(given, found.get(one["code"], given))
    return found


def lane(code: str) -> str:
    return f"{code[0]} mg/kg · {code}"


def study_day(code: str, stated: str) -> int:
    return (date.fromisoformat(stated[:10]) - first_doses()[code]).days + 1


@cache
def drawn() -> dict[str, Chart]:
    packet = demo_packet()
    told = figures_of(demo_study(), packet.assessment)
    return {one.name: one for one in study_charts(packet.assessment, told, packet.labs)}


def chart_of(test: str) -> Chart:
    return next(one for one in drawn().values() if one.title.startswith(f"{test} ("))


def platelet_grade(value: Decimal, lln: Decimal) -> int:
    """CTCAE 5.0: below LLN to 75, below 75 to 50, below 50 to 25, below 25 x 10^9/L."""
    if value >= lln:
        return 0
    return 1 + sum(value < limit for limit in (75, 50, 25))


def platelets() -> list[tuple[str, dict[str, Any]]]:
    return [(one["code"], one) for one in records("lab") if one["LBTESTCD"] == "PLAT"]


def test_each_platelet_count_has_its_point_and_its_grade() -> None:
    points = Counter(
        (row["subject"], row["day"], row["value"], row["grade"])
        for row in rows_of(chart_of("PLAT"))
        if "value" in row
    )
    assert points == Counter(
        (
            code,
            study_day(code, one["LBDTC"]),
            float(one["LBORRES"]),
            str(platelet_grade(Decimal(one["LBORRES"]), Decimal(one["LBORNRLO"]))),
        )
        for code, one in platelets()
    )


def test_the_bands_are_the_limits_of_ctcae_where_all_have_one_range() -> None:
    limits = {(one["code"][0], one["LBORNRLO"]) for _, one in platelets()}
    for panel in (chart_of("PLAT").spec or {})["hconcat"]:
        bands = [row for layer in panel["layer"] for row in layer["data"]["values"] if "low" in row]
        (lln,) = {float(low) for level, low in limits if level == panel["title"][0]}
        limits_of_grades = [(0, 25), (25, 50), (50, 75), (75, lln)]
        assert sorted((row["low"], row["high"]) for row in bands) == limits_of_grades


def test_shifts_are_from_the_flagged_value_to_the_worst_after() -> None:
    before, worst = dict[str, int](), defaultdict[str, int](int)
    for code, one in platelets():
        grade = platelet_grade(Decimal(one["LBORRES"]), Decimal(one["LBORNRLO"]))
        if one.get("LBLOBXFL") == "Y":
            before[code] = grade
        else:
            worst[code] = max(worst[code], grade)
    told = {
        (row[2], row[3]): int(row[4]) for row in drawn()["shifts"].table.rows if row[0] == "PLAT"
    }
    assert told == Counter((str(before[code]), str(worst[code])) for code in before)


def test_the_swimmer_has_each_dose_and_each_severe_event() -> None:
    spec = drawn()["swimmer"].spec or {}
    ticks = Counter((row["subject"], row["day"]) for row in spec["layer"][1]["data"]["values"])
    given = {
        (one["code"], study_day(one["code"], one["ECSTDTC"]))
        for one in records("dose")
        if one["ECOCCUR"] == "Y"
    }
    assert ticks == Counter((lane(code), number) for code, number in given)
    severe = {
        (lane(one["code"]), study_day(one["code"], one["AESTDTC"]))
        for one in records("adverse_event")
        if int(one["AETOXGR"]) >= 3
    }
    marks = spec["layer"][2]["data"]["values"]
    assert severe == {
        (row["subject"], row["day"]) for row in marks if row["what"] == "grade 3 or higher"
    }


def test_dose_intensity_is_given_of_planned() -> None:
    given, planned = defaultdict[Any, Decimal](Decimal), defaultdict[Any, Decimal](Decimal)
    for one in records("dose"):
        key = lane(one["code"]), one["ECTRT"]
        planned[key] += Decimal(one["planned_dose"])
        given[key] += Decimal(one.get("ECDOSE") or 0) if one["ECOCCUR"] == "Y" else 0
    told = {
        (row["subject"], row["treatment"]): row["percent"]
        for row in rows_of(drawn()["dose-intensity"])
        if "percent" in row
    }
    assert told == {key: pytest.approx(float(100 * given[key] / planned[key])) for key in planned}


def test_the_heat_map_has_the_worst_of_each_term() -> None:
    worst = defaultdict[tuple[str, str], int](int)
    for one in records("adverse_event"):
        key = lane(one["code"]), one["AEDECOD"]
        worst[key] = max(worst[key], int(one["AETOXGR"]))
    told = {(row["subject"], row["term"]): row["high"] for row in rows_of(drawn()["ae-heat"])}
    assert told == worst


def test_edish_has_the_highest_multiples_after_the_baseline() -> None:
    highest = defaultdict[str, dict[str, float]](dict)
    for one in records("lab"):
        if one["LBTESTCD"] in ("ALT", "AST", "BILI") and one.get("LBLOBXFL") != "Y":
            axis = "bilirubin" if one["LBTESTCD"] == "BILI" else "transaminase"
            multiple = float(one["LBORRES"]) / float(one["LBORNRHI"])
            held = highest[lane(one["code"])]
            held[axis] = max(multiple, held.get(axis, 0.0))
    told = {
        row["subject"]: {axis: row[axis] for axis in ("transaminase", "bilirubin")}
        for row in rows_of(drawn()["edish"])
        if "quadrant" in row
    }
    assert told == {who: pytest.approx(held, abs=0.001) for who, held in highest.items()}


def test_the_board_dates_each_dlt_by_the_first_platelets_below_25() -> None:
    onset: dict[str, int] = {}
    for code, one in platelets():
        number = study_day(code, one["LBDTC"])
        if Decimal(one["LBORRES"]) < 25 and number <= 21:
            onset[lane(code)] = min(number, onset.get(lane(code), number))
    rows = [row for row in rows_of(drawn()["dlt-board"]) if "length" in row]
    assert {row["subject"]: row["onset"] for row in rows if row["onset"]} == onset
    for row in rows:
        begun = first_doses()[row["subject"].rsplit(" ")[-1]]
        assert row["day"] == min(21, (HOLD.date() - begun).days + 1)


def test_the_timeline_has_the_subject_s_doses_and_grades() -> None:
    code = "4-05"
    said = demo_packet().assessment
    profile = profile_of(demo_study(), said, opaque_id(STUDY, f"{STUDY}-{code}"))
    assert profile is not None
    rows = rows_of(timeline(profile))
    assert {row["day"] for row in rows if str(row["lane"]).endswith("(dose)")} == {
        study_day(code, one["ECSTDTC"]) for one in records("dose") if one["code"] == code
    }
    assert {(row["lane"], row["from"], row["grade"]) for row in rows if "grade" in row} == {
        (one["AEDECOD"], study_day(code, one["AESTDTC"]), one["AETOXGR"])
        for one in records("adverse_event")
        if one["code"] == code
    }


# -- what the demo has no records of -----------------------------------------------------------


def test_qtcf_is_the_longest_after_against_the_last_before() -> None:
    values = {-3: "412", -1: "404", 2: "455", 9: "481", 16: "447"}
    found = trial()
    for number, value in values.items():
        ecg(found, "QTCF", value, day(number))
    (row,) = [row for row in rows_of(qtcf(figures(found))) if "category" in row]
    longest = max(float(value) for number, value in values.items() if number > 0)
    assert (row["longest"], row["baseline"]) == (longest, float(values[-1]))
    assert row["change"] == f"+{longest - float(values[-1])} ms, above 60"
    assert row["category"] == "above 480 ms"


def test_waterfall_and_spider_are_changes_of_the_sums() -> None:
    sizes = {-2: "64", 20: "51.5", 41: "43.9", 62: "66"}
    found = trial()
    for number, size in sizes.items():
        assess_tumour(found, day(number), sum_diam=size)
    told = figures_of(_held(found), _held(found).assess(as_of=end_of(day(80))))
    base = Decimal(sizes[-2])
    changes = {
        number: (100 * (Decimal(size) - base) / base).quantize(Decimal("0.1"), ROUND_HALF_UP)
        for number, size in sizes.items()
        if number > 0
    }
    drawn_changes = {row["day"]: row["change"] for row in rows_of(spider(told)) if "day" in row}
    assert drawn_changes == {1: 0.0} | {n: float(change) for n, change in changes.items()}
    (bar,) = [row for row in rows_of(waterfall(told)) if "basis" in row]
    assert bar["change"] == float(min(changes.values()))


def test_the_stopping_count_is_the_events_in_order_against_the_rule() -> None:
    grades = {"1-01": 1, "1-02": 3, "1-03": 3}
    found = Trial(PROTOCOL.read_text("utf-8") + stopping("kind: n_of_m, events: 2, of: 6"))
    for subject, grade in grades.items():
        found.enrol(subject)
        found.event(subject, "Vomiting", grade, day(int(subject[-1]) + 3))
    found.complete("1-01")
    (chart,) = stopping_charts(figures(found, day(24)))
    path = [(row["n"], row["count"]) for row in rows_of(chart) if "what" in row]
    severe = [subject for subject, grade in grades.items() if grade >= 3]
    rising = [(at, at) for at in range(1, len(severe) + 1)]
    assert path == [*rising, (len(grades), len(severe))]
    boundary = {row["n"]: row["count"] for row in rows_of(chart) if "what" not in row}
    assert boundary == dict.fromkeys(range(2, 7), 2)


def _held(found: Trial) -> Study:
    study = Study(found.facts[0].study)
    study.add(found.facts)
    return study
