"""The figures of whole data sets, worked out another way from the same records."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache

from services.demo.replay import events, facts_of, protocol_fact
from shared.clinical import Study
from shared.clinical.figures import figures_of
from shared.clinical.packet import packet_of
from shared.contracts.envelope import Fact
from shared.contracts.facts import numeric
from shared.contracts.figures import Figures
from shared.contracts.packet import Packet
from tests.clinical.public_data_support import Row, needs, rows
from tests.clinical.stories import STUDY, Trial, at, end_of

LIVER = ("ALT", "AST", "BILI", "ALP")


@cache
def _demo() -> tuple[list[Fact], Packet, Figures]:
    facts = list(facts_of(events()))
    study = Study(facts[0].study)
    study.add([protocol_fact(facts[0].known_at - timedelta(days=1)), *facts])
    assessment = study.assess(as_of=max(fact.known_at for fact in facts))
    return facts, packet_of(study, assessment), figures_of(study, assessment)


def _standing(kind: str) -> list[Fact]:
    latest: dict[str, Fact] = {}
    for fact in sorted(_demo()[0], key=lambda one: one.revision or 0):
        if fact.kind == kind:
            latest[fact.recordid] = fact
    return [fact for fact in latest.values() if fact.op == "upsert"]


def test_the_demo_s_heat_map_is_the_highest_reported_grade_of_each_term() -> None:
    worst: Counter[tuple[str, str]] = Counter()
    for fact in _standing("adverse_event"):
        key = fact.subject, fact.data["AEDECOD"]
        worst[key] = max(worst[key], int(fact.data["AETOXGR"]))
    told = {(one.usubjid, one.term): one.high for one in _demo()[2].heat}
    assert told == dict(worst)
    assert all(one.low == one.high for one in _demo()[2].heat)


def test_what_the_packet_tells_too_is_the_same() -> None:
    _, packet, told = _demo()
    assert (told.courses, told.exposures) == (packet.courses, packet.exposures)
    assert told.events == packet.events
    assert told.assessment_digest == packet.assessment.digest
    assert [one.usubjid for one in told.subjects] == [one.usubjid for one in packet.courses]


def test_the_demo_s_liver_peaks_are_the_highest_multiples_after_the_baseline() -> None:
    highest: dict[tuple[str, str], Fraction] = {}
    for fact in _standing("lab"):
        test, value, uln = (fact.data[name] for name in ("LBTESTCD", "LBORRES", "LBORNRHI"))
        if test in LIVER and fact.data.get("LBLOBXFL") != "Y":
            multiple = Fraction(value) / Fraction(uln)
            highest[fact.subject, test] = max(multiple, highest.get((fact.subject, test), multiple))
    told: dict[tuple[str, str], Decimal] = {
        (point.usubjid, one.test): one.peak
        for point in _demo()[2].liver
        for one in point.peaks
        if one.peak is not None
    }
    assert told.keys() == highest.keys()
    for key, multiple in highest.items():
        assert 0 <= multiple - Fraction(told[key]) < Fraction(1, 1000)
    raised = sum(one.transaminase_raised is True for one in _demo()[2].liver)
    assert raised == len(
        {who for (who, test), x in highest.items() if test in LIVER[:2] and x >= 3}
    )


def test_every_treated_subject_of_the_demo_is_once_in_each_shift_table() -> None:
    _, packet, told = _demo()
    platelets = next(one for one in told.shifts if one.test == "PLAT")
    assert sum(cell.subjects for cell in platelets.cells) == len(told.subjects) == 39
    worst = Counter[str]()
    for series in (one for one in packet.labs if one.test == "PLAT"):
        on_treatment = series.values[1:]
        worst[str(max(value.grade_high or 0 for value in on_treatment))] += 1
    by_worst = Counter[str]()
    for cell in platelets.cells:
        by_worst[cell.worst] += cell.subjects
    assert by_worst == worst


def test_what_is_kept_from_earlier_questions_changes_no_figure_and_no_packet() -> None:
    facts = [fact for fact in _demo()[0] if fact.subject[-4:] in ("3-02", "4-01", "4-05")]
    protocol = protocol_fact(facts[0].known_at - timedelta(days=1))
    study, moments = Study(facts[0].study), []
    study.add([protocol])
    for part in (facts[:60], facts[60:90], facts[90:120], facts[120:150], facts[150:]):
        study.add(part)
        moments.append(max(fact.known_at for fact in part))
        assessment = study.assess(as_of=moments[-1])
        figures_of(study, assessment)
        packet_of(study, assessment)
    fresh = Study(facts[0].study)
    fresh.add([protocol, *facts])
    for moment in moments:
        said = fresh.assess(as_of=moment)
        assert figures_of(study, said) == figures_of(fresh, said)
        assert packet_of(study, said) == packet_of(fresh, said)


def _public() -> tuple[Figures, list[Row], dict[str, str]]:
    """The subjects of the CDISC example study, each with a first dose and their liver tests."""
    folder = "cdisc-msg-datasetjson"
    dosed = {
        row["USUBJID"]: row["RFXSTDTC"]
        for row in rows(needs("data", folder, "dm.ndjson"))
        if row["RFXSTDTC"]
    }
    tests = [
        row
        for row in rows(needs("data", folder, "lb.ndjson"))
        if row["LBTESTCD"] in LIVER and row["USUBJID"] in dosed
    ]
    found = Trial()
    known = found.facts[0].known_at
    for name, first in dosed.items():
        dose = {"ECTRT": "LVGN6051", "ECOCCUR": "Y", "ECSTDTC": first}
        found.record("dose", name, dose, known=known)
    for row in tests:
        data = {key: row[key] for key in row if key.startswith("LB") and row[key]}
        wanted = ("LBTESTCD", "LBORRES", "LBORRESU", "LBORNRLO", "LBORNRHI", "LBDTC", "LBLOBXFL")
        found.record("lab", row["USUBJID"], {k: data[k] for k in wanted if k in data}, known=known)
    study = Study(STUDY)
    study.add(found.facts)
    return figures_of(study, study.assess(as_of=end_of(known.date()))), tests, dosed


def test_the_liver_peaks_of_the_public_example_study() -> None:
    told, tests, dosed = _public()
    highest: dict[tuple[str, str], float] = {}
    for row in tests:
        value, uln = numeric(row["LBORRES"]), numeric(row["LBORNRHI"])
        if row["LBLOBXFL"] == "Y" or row["LBDTC"][:10] < dosed[row["USUBJID"]]:
            continue
        assert value is not None
        assert uln is not None
        key = row["USUBJID"], row["LBTESTCD"]
        highest[key] = max(float(value) / float(uln), highest.get(key, 0))
    peaks = {
        (point.usubjid.removeprefix(f"{STUDY}-"), one.test): float(one.peak)
        for point in told.liver
        for one in point.peaks
        if one.peak is not None
    }
    assert len(peaks) > 40
    assert peaks.keys() == highest.keys()
    assert all(0 <= highest[key] - peaks[key] < 0.001 + 1e-9 for key in peaks)


def test_the_tumour_changes_of_the_public_oncology_data() -> None:
    sums: dict[str, dict[str, float]] = {}
    for row in rows(needs("data", "pharmaversesdtm-onco", "tr_onco_recist.csv.gz")):
        target = row["TRGRPID"] == "TARGET" and row["TRTESTCD"] == "LDIAM"
        if target and row["TREVAL"] == "INVESTIGATOR" and row["TRORRES"]:
            of_subject = sums.setdefault(row["USUBJID"], {})
            of_subject[row["TRDTC"]] = of_subject.get(row["TRDTC"], 0) + float(row["TRORRES"])
    found = Trial()
    known = found.facts[0].known_at
    for name, by_day in sums.items():
        first = min(by_day)
        dose = {"ECTRT": "LVGN6051", "ECOCCUR": "Y", "ECSTDTC": first}
        found.record("dose", name, dose, known=known)
        for on, size in by_day.items():
            found.record(
                "tumour_response",
                name,
                {"RSTESTCD": "SUMDIAM", "RSDTC": on, "RSORRES": "-", "sum_diam": f"{size:.4f}"},
                known=known,
            )
    study = Study(STUDY)
    study.add(found.facts)
    told = figures_of(study, study.assess(as_of=at(known.date())))
    assert len(told.tumour) == len(sums) > 5
    for course in told.tumour:
        by_day = sums[course.usubjid.removeprefix(f"{STUDY}-")]
        baseline, *later = (size for _, size in sorted(by_day.items()))
        changes = [100 * (size / baseline - 1) for size in later]
        assert len(course.points) == len(changes)
        for point, change in zip(course.points, changes, strict=True):
            assert point.change is not None
            assert abs(float(point.change) - change) < 0.0501
        if changes:
            assert course.best_change is not None
            assert abs(float(course.best_change) - min(changes)) < 0.0501
