"""`vigil grade` from outside: its columns, its files, and what becomes of lines people spoilt."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli.app import run

ADDED = ["row", "term", "direction", "grade", "grade_min", "grade_max", "reason", "limit",
         "unit_system", "version", "doubt"]  # fmt: skip
HEADER = "LBTESTCD,LBORRES,LBORRESU,LBORNRLO,LBORNRHI"
PLATELETS = "PLAT,24.9,10^9/L,125,350"

Line = dict[str, str]
Grades = Callable[..., list[Line]]


@pytest.fixture
def grades(tmp_path: Path) -> Grades:
    """Grades a table given as lines of text or bytes; answers with the lines that come out."""
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"

    def answer(*lines: str | bytes, ctcae: str = "5.0", domain: str = "lb") -> list[Line]:
        raw = [one.encode() if isinstance(one, str) else one for one in lines]
        source.write_bytes(b"\n".join(raw))
        arguments = ["--ctcae", ctcae, "--domain", domain, "--out", str(target), "--force"]
        assert run(["grade", str(source), *arguments]) == 0
        text = target.read_bytes().decode("utf-8", "backslashreplace")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    return answer


def _said(line: Line) -> tuple[str, ...]:
    return line["grade"], line["grade_min"], line["grade_max"], line["reason"]


def test_the_columns_of_the_input_come_first_and_untouched(grades: Grades) -> None:
    (line,) = grades("NOTE," + HEADER, f'"a ""b"", c",{PLATELETS}')
    assert list(line) == ["NOTE", *HEADER.split(","), *ADDED]
    assert line["NOTE"] == 'a "b", c'
    assert [line[name] for name in ADDED] == [
        "1", "Platelet count decreased", "low", "4", "4", "4", "", "< 25 10*9/L", "SI", "5.0", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ("HGB,30,g/dL,12,16", ""),
        ("HGB,31,g/dL,12,16", "HGB 31 g/dL is implausible, above 30 g/dL"),
        ("ALT,100,U/L,5,237", ""),
        (
            "ALT,100,U/L,5,238",
            "ALT with an upper limit of normal of 238 U/L is implausible, above 3 times 79 U/L",
        ),
    ],
)
def test_a_result_that_cannot_be_is_graded_with_its_doubt(
    grades: Grades, line: str, doubt: str
) -> None:
    (said, *_) = grades(HEADER, line)
    assert said["grade"] != ""
    assert said["doubt"] == doubt


def test_a_doubt_stands_in_json_and_beside_a_test_nobody_grades(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "in.csv"
    results.write_text(f"{HEADER},LBSPEC\nALT,9,U/L,,40,URINE\n{PLATELETS},\n")
    assert run(["grade", str(results), "--ctcae", "5.0", "--json"]) == 0
    urine, platelets = json.loads(capsys.readouterr().out)
    assert (urine["reason"], urine["doubt"]) == ("no_criterion", "ALT is not measured in urine")
    assert platelets["doubt"] is None


def test_names_that_clash_get_a_prefix(grades: Grades) -> None:
    (line,) = grades(f"row,in_row,grade,{HEADER}", f"7,8,9,{PLATELETS}")
    assert list(line)[:3] == ["in_in_row", "in_row", "in_grade"]
    assert (line["in_in_row"], line["in_row"], line["in_grade"], line["row"]) == tuple("7891")


def test_both_directions_and_a_term_asked_for(grades: Grades) -> None:
    potassium = "K,2.8,mmol/L,3.5,5.1"
    high, low = grades(HEADER, potassium)
    assert (high["direction"], _said(high)) == ("high", ("0", "0", "0", ""))
    assert (low["direction"], _said(low)) == ("low", ("3", "3", "3", ""))
    (only,) = grades(f"TERM,{HEADER}", f"hypokalemia,{potassium}")
    assert (only["term"], only["grade"]) == ("Hypokalemia", "3")
    calcium = "CAION,1.55,mmol/L,1.1,1.35"
    (ionized,) = grades(f"TERM,{HEADER}", f"Hypercalcemia (Ionized),{calcium}")
    assert (ionized["term"], ionized["grade"]) == ("Hypercalcemia", "2")
    (none,) = grades(f"TERM,{HEADER}", f"Anemia,{potassium}")
    assert (none["term"], none["reason"]) == ("", "no_criterion")


@pytest.mark.parametrize(("ctcae", "grade"), [("4.03", "2"), ("5.0", "0"), ("6.0", "1")])
def test_the_baseline_of_each_line(grades: Grades, ctcae: str, grade: str) -> None:
    lines = grades(
        f"{HEADER},BASE,BASEU,BNRIND",
        "ALT,150,U/L,7,40,120,,",
        "ALT,150,U/L,7,40,2,ukat/L,HIGH",
        ctcae=ctcae,
    )
    assert [line["grade"] for line in lines] == [grade, grade]


@pytest.mark.parametrize(
    ("base", "said"), [("0.6666", ("2", "> 3 x ULN")), ("0.6667", ("2", "> 3 x baseline")),
                       ("2", ("0", ""))],
)  # fmt: skip
def test_a_baseline_in_another_unit_is_judged_by_the_range_of_its_line(
    grades: Grades, base: str, said: tuple[str, str]
) -> None:
    (line,) = grades(f"{HEADER},BASE,BASEU", f"ALT,150,U/L,7,40,{base},ukat/L")
    assert (line["grade"], line["limit"]) == said  # 40 U/L are 0.6666... ukat/L


def test_a_baseline_sample_is_not_compared_with_itself(grades: Grades) -> None:
    header, line = f"{HEADER},BASE,ABLFL", "ALT,150,U/L,7,40,120,"
    assert [one["grade"] for one in grades(header, line + "Y", line)] == ["2", "0"]
    flag = header.replace("ABLFL", "LBLOBXFL")
    assert [one["grade"] for one in grades(flag, line + "Y", line)] == ["2", "0"]


def test_an_indicator_alone_tells_the_branch(grades: Grades) -> None:
    header = f"{HEADER},BNRIND"
    normal, high = grades(header, "ALT,150,U/L,7,40,NORMAL", "ALT,150,U/L,7,40,HIGH")
    assert _said(normal) == ("2", "2", "2", "")
    assert (high["grade"], high["reason"]) == ("", "no_baseline")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("PLAT,<40,10^9/L,125,350", ("", "3", "4", "comparator")),
        ("PLAT,POSITIVE,10^9/L,125,350", ("", "", "", "character_result")),
        ("PLAT,,10^9/L,125,350", ("", "", "", "not_done")),
        ("PLAT,24.9,fortnights,125,350", ("", "", "", "unit_unknown")),
        ("PLAT,24.9,,125,350", ("", "", "", "unit_unknown")),
        ("PLAT,100,10^9/L,,", ("", "0", "1", "no_range")),
        ("PLAT,24.9,10^9/L,,", ("4", "4", "4", "")),
        ("NOSUCH,1,x,,", ("", "", "", "no_criterion")),
        (",1,x,,", ("", "", "", "no_criterion")),
    ],
)
def test_every_line_without_a_grade_has_a_reason(
    grades: Grades, line: str, said: tuple[str, ...]
) -> None:
    assert [_said(one) for one in grades(HEADER, line)] == [said]


def test_a_symptom_that_decides_leaves_a_range(grades: Grades) -> None:
    (line,) = grades(f"TERM,{HEADER}", "Hypokalemia,K,3.2,mmol/L,3.5,5.1")
    assert _said(line) == ("", "1", "2", "needs_clinical_input")


def test_a_loinc_code_stands_for_a_missing_test_code(grades: Grades) -> None:
    header = HEADER.replace("LBTESTCD", "LBLOINC")
    known, unknown = grades(header, "777-3,24.9,10^9/L,125,350", "0-0,24.9,10^9/L,125,350")
    assert (known["term"], known["grade"]) == ("Platelet count decreased", "4")
    assert unknown["reason"] == "no_criterion"


def test_urinalysis_is_not_blood(grades: Grades) -> None:
    lines = grades(
        f"{HEADER},LBCAT",
        "PH,5,,,,URINALYSIS",
        "PH,5,,5,8,",
        "PH,7.2,,7.35,7.45,CHEMISTRY",
    )
    assert [_said(line) for line in lines if line["direction"] in ("", "low")] == [
        ("", "", "", "no_criterion"),
        ("", "0", "3", "needs_clinical_input"),
        ("3", "3", "3", ""),
    ]


def test_vital_signs_and_ecg_by_their_own_columns(grades: Grades) -> None:
    vital = "VSTESTCD,VSORRES,VSORRESU"
    (fever,) = (one for one in grades(vital, "TEMP,39.5,C", domain="vs") if one["term"] == "Fever")
    assert (fever["direction"], fever["grade"]) == ("high", "2")
    ecg = "EGTESTCD,EGORRES,EGORRESU,BASE"
    long, odd = grades(ecg, "QTCF,490,msec,450", "QTCF,490,mmHg,450", domain="eg")
    assert long["grade"] == "2"
    assert odd["reason"] == "unit_unknown"


def test_rows_are_counted_past_lines_that_are_no_use(grades: Grades) -> None:
    lines = grades(
        HEADER,
        "PLAT,24.9,10^9/L",
        "",
        'PLAT,"24.9,10^9/L,125,350',
        PLATELETS,
        f"{PLATELETS},and,more",
        'PLAT,24.9,"10^9/L" ,125,350',
        f"{PLATELETS}\r",
    )
    assert [(one["row"], one["grade"], one["reason"]) for one in lines] == [
        ("1", "", "malformed_line"),
        ("2", "", "malformed_line"),
        ("3", "4", ""),
        ("4", "", "malformed_line"),
        ("5", "", "malformed_line"),
        ("6", "4", ""),
    ]
    assert lines[1]["LBORRES"] == '"24.9'
    assert lines[3]["LBORNRHI"] == "350,and,more"


def test_a_quoted_field_may_have_several_lines(grades: Grades) -> None:
    first, second = grades(f"NOTE,{HEADER}", f'"one\r\n""two""\r\n",{PLATELETS}', f"x,{PLATELETS}")
    assert (first["NOTE"], first["grade"]) == ('one\r\n"two"\r\n', "4")
    assert (second["row"], second["NOTE"]) == ("2", "x")


def test_an_open_quote_costs_one_line(grades: Grades) -> None:
    many = [f"n{number},{PLATELETS}" for number in range(2500)]
    lines = grades(f"NOTE,{HEADER}", f'"open,{PLATELETS}', *many, f'"also,{PLATELETS}')
    assert [one["reason"] for one in lines] == ["malformed_line", *[""] * 2500, "malformed_line"]


def test_bytes_of_any_kind(grades: Grades) -> None:
    marked = b"\xef\xbb\xbf" + HEADER.encode() + b",BASE,TERM,NOTE\r"
    lines = grades(
        marked,
        b"PLAT,24.9,10^9/L,125,350,,,\x00\r",
        b"PLAT,24\x00.9,10^9/L,125,350,,,\r",
        b"CREAT,200,\xb5mol/L,45,80,70,Creatinine increased,latin-1\r",
        "CREAT,200,µmol/L,45,80,70,Creatinine increased,utf-8\r",
    )
    assert [(one["row"], one["grade"], one["reason"]) for one in lines] == [
        ("1", "4", ""),
        ("2", "", "character_result"),
        ("3", "", "unit_unknown"),
        ("4", "2", ""),
    ]


def test_bytes_that_are_no_text_come_out_as_they_went_in(tmp_path: Path) -> None:
    source, target = tmp_path / "lb.csv", tmp_path / "graded.csv"
    source.write_bytes(HEADER.encode() + b",NOTE\n" + PLATELETS.encode() + b",\xb5\xff\n")
    assert run(["grade", str(source), "--ctcae", "5.0", "--out", str(target)]) == 0
    assert b",\xb5\xff,1,Platelet count decreased," in target.read_bytes()


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("", "no column LBTESTCD or LBLOINC"),
        ("LBORRES,LBORRESU", "no column LBTESTCD or LBLOINC"),
        ("LBTESTCD,LBORRESU", "no column LBORRES "),
        (f"{HEADER},LBORRES", "two columns are called LBORRES"),
    ],
)
def test_a_header_that_cannot_be_graded_by(
    header: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "lb.csv", tmp_path / "graded.csv"
    source.write_text(header, "utf-8")
    assert run(["grade", str(source), "--ctcae", "5.0", "--out", str(target)]) == 1
    assert told in capsys.readouterr().err
    assert not target.exists()


def test_standard_input_and_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = f"{HEADER}\n{PLATELETS}\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table.encode())))
    assert run(["grade", "-", "--ctcae", "5.0", "--out", "-"]) == 0
    told = capsys.readouterr()
    header, line = told.out.splitlines()
    assert header == f"{HEADER},{','.join(ADDED)}"
    assert line.startswith(f"{PLATELETS},1,Platelet count decreased,low,4,")
    assert told.err == "1 row, 1 grade\n"


def test_json_on_standard_output_is_an_array(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "lb.csv"
    source.write_text(f"{HEADER}\n{PLATELETS}\nNOSUCH,1,,,\n", "utf-8")
    assert run(["grade", str(source), "--ctcae", "5.0", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["LBORRES"], first["row"], first["grade"]) == ("24.9", 1, 4)
    assert (second["row"], second["grade"], second["reason"]) == (2, None, "no_criterion")
    source.write_text(HEADER, "utf-8")
    assert run(["grade", str(source), "--ctcae", "5.0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_counts_for_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "lb.csv", tmp_path / "graded.csv"
    source.write_text(f"{HEADER}\n{PLATELETS}\nNOSUCH,1,,,\nK,3.9,mmol/L,3.5,5.1\n", "utf-8")
    assert run(["grade", str(source), "--ctcae", "5.0", "--out", str(target), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["rows"], counts["graded"], counts["reasons"]) == (3, 3, {"no_criterion": 1})


def test_a_file_that_is_not_of_grading_is_overwritten_only_by_force(tmp_path: Path) -> None:
    source, target = tmp_path / "lb.csv", tmp_path / "graded.csv"
    source.write_text(f"{HEADER}\n{PLATELETS}\n", "utf-8")
    target.write_text("mine", "utf-8")
    arguments = ["grade", str(source), "--ctcae", "5.0", "--out"]
    assert run([*arguments, str(target)]) == 2
    assert target.read_text("utf-8") == "mine"
    assert run([*arguments, str(target), "--force"]) == 0
    assert target.read_text("utf-8").startswith(HEADER)
    assert run([*arguments, str(target)]) == 0
    target.write_bytes(b"")
    assert run([*arguments, str(target)]) == 0
    assert run([*arguments, str(source), "--force"]) == 2
    assert source.read_text("utf-8").endswith(f"{PLATELETS}\n")
