"""`vigil design`: what a program and what a person get."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from services.cli.app import run

BOIN = {"kind": "boin", "target": 0.28}
RATES = "0.08,0.15,0.26,0.41,0.60"
Told = pytest.CaptureFixture[str]


def decide(requests: list[Any], capsys: Told, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Any]:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in requests]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
    code = run(["design", "decide"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_decide_answers_line_by_line(capsys: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    doses = [{"n": 3, "dlt": 0, "pending": 0}, {"n": 3, "dlt": 0}, {}]
    crm = {"kind": "crm", "target": 0.22, "skeleton": [0.04, 0.11, 0.22, 0.37, 0.52]}
    code, (boin, final, model) = decide(
        [
            {"design": BOIN, "doses": doses, "current": 2},
            {"design": {"kind": "3+3", "num_doses": 5}, "outcomes": "1NNN 2NNN 3NNN 4TTN"},
            {"design": crm, "patients": [{"dose": 1, "dlt": 0, "weight": 1.0}]},
        ],
        capsys,
        monkeypatch,
    )
    assert code == 0
    assert list(boin) == ["action", "next_dose", "eliminated_from", "mtd", "report"]
    assert (boin["action"], boin["next_dose"]) == ("escalate", 3)
    assert (final["action"], final["mtd"], final["eliminated_from"]) == ("stop", 3, 4)
    assert len(model["ptox"]) == 5
    assert model["estimate"] > 0


def test_decide_goes_on_after_a_bad_line(capsys: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"design": BOIN, "doses": "1NNN", "final": True}
    bad = [
        "not JSON",
        "[1]",
        '{"design": {"kind": "boin", "target": NaN}}',
        '{"doses": [], "doses": []}',
        "[" * 100_000,
        {"design": BOIN, "doses": [{"n": 1, "dlt": 2}], "current": 1},
        "x" * 1_000_001,
    ]
    code, told = decide([good, "", *bad, good], capsys, monkeypatch)
    assert code == 1
    assert [one.get("line") for one in told] == [None, 3, 4, 5, 6, 7, 8, 9, None]
    assert all(one["error"] for one in told[1:-1])
    assert told[0] == told[-1]
    assert told[0]["mtd"] == 1


def test_requests_from_a_file(tmp_path: Path, capsys: Told) -> None:
    """A line separator of Unicode inside a string ends no request."""
    file = tmp_path / "requests.ndjson"
    request = {"design": {**BOIN, "limits": []}, "outcomes": "1NNN\u20282N"}
    file.write_text(json.dumps(request, ensure_ascii=False) + "\n", "utf-8")
    assert run(["design", "decide", str(file)]) == 0
    assert json.loads(capsys.readouterr().out)["next_dose"] == 3


def test_kinds_are_listed_with_defaults(capsys: Told) -> None:
    assert run(["design", "kinds", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) >= {
        *("3+3", "rolling_six", "boin", "mtpi", "mtpi2", "keyboard", "i3+3", "crm", "tite_crm"),
        *("tite_boin", "bf_boin", "boin_comb", "table"),
    }
    assert found["crm"]["target"] == {"required": True}
    assert found["crm"]["scale"]["default"] == pytest.approx(1.34**0.5)
    assert found["3+3"]["variant"] == {"default": "plain"}


def test_a_table_in_three_forms(capsys: Told) -> None:
    asked = ["design", "table", "boin", "--target", "0.28", "--n-max", "6"]
    assert run([*asked, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert run([*asked, "--format", "csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [{name: str(value or 0) for name, value in row.items()} for row in rows] == [
        {name: value or "0" for name, value in line.items()} for line in lines
    ]
    assert rows[2]["decisions"] == "ESDU"
    assert run(asked) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("boin, target 0.28\n")
    assert "EESDUUU" in shown


def test_pathways_of_a_model(capsys: Told) -> None:
    asked = ["design", "table", "crm", "--target", "0.22", "--skeleton", "0.04,0.11,0.22"]
    assert run([*asked, "--cohorts", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["outcomes"] for row in rows] == ["1NNN", "1NNT", "1NTT", "1TTT"]
    assert rows[0]["action"] == "escalate"


def test_3_plus_3_is_exact_unless_trials_are_asked_for(capsys: Told) -> None:
    asked = ["design", "simulate", "3+3", "--rates", RATES, "--json"]
    assert run(asked) == 0
    exact = json.loads(capsys.readouterr().out)
    assert (exact["method"], f"{exact['none']['value']:.8f}") == ("exact", "0.06313243")
    assert run([*asked, "--trials", "50"]) == 0
    drawn = json.loads(capsys.readouterr().out)
    assert (drawn["method"], drawn["trials"]) == ("simulation", 50)
    assert drawn["none"]["se"] > 0


def test_a_simulation_is_repeatable_and_shows_its_error(capsys: Told) -> None:
    asked = ["design", "simulate", "boin", "--target", "0.28", "--rates", RATES, "--trials", "200"]
    told = []
    for seed in ("1", "1", "2"):
        assert run([*asked, "--seed", seed]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] != told[2]
    assert "±" in told[0]
    assert "Right dose: 3" in told[0]


def test_two_designs_on_the_same_patients(capsys: Told) -> None:
    asked = ["design", "compare", "boin", "3+3", "--target", "0.28", "--rates", RATES]
    assert run([*asked, "--trials", "40", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["first"]["target"] == found["second"]["target"] == 0.28
    patients = found["second"]["total_patients"] - found["first"]["total_patients"]
    assert found["patients"]["value"] == pytest.approx(patients)


def test_simon(capsys: Told) -> None:
    asked = ["design", "simon", "--p0", "0.2", "--p1", "0.45", "--beta", "0.1"]
    assert run([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    shown = [
        tuple(found[name][at] for at in ("r1", "n1", "r", "n"))
        for name in found
        if name != "asked" and name != "admissible"
    ]
    assert shown == [(4, 16, 11, 38), (4, 19, 9, 29)]
    assert run([*asked, "--n-max", "10"]) == 1
    assert run(asked) == 0
    assert "20.44" in capsys.readouterr().out


def test_stopping(capsys: Told, tmp_path: Path) -> None:
    rule = tmp_path / "rule.json"
    rule.write_text('{"kind": "beta_binomial", "p0": 0.28, "a": 0.28, "b": 0.72, "cutoff": 0.9}')
    asked = ["design", "stopping", str(rule), "--rates", "0.28,0.4"]
    assert run([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["stop_at"] for row in found["boundary"]][:7] == [None, 2, 3, 3, 3, 4, 4]
    low, high = (one["probability"] for one in found["characteristics"])
    assert 0 < low < high < 1
    same = ["p0=0.28", "a=0.28", "b=0.72", "cutoff=0.9"]
    words = [word for one in same for word in ("--set", one)]
    assert run(["design", "stopping", "beta_binomial", *words, *asked[3:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found


@pytest.mark.parametrize(
    "arguments",
    [
        ["stopping", "n_of_m", "--set", "events=2", "--set", "of=6"],
        ["simon", "--p0", "0.2", "--p1", "0.45"],
        ["simulate", "3+3", "--rates", RATES],
        ["compare", "boin", "i3+3", "--target", "0.28", "--rates", RATES, "--trials", "20"],
    ],
)
def test_what_is_counted_is_drawn(arguments: list[str], tmp_path: Path) -> None:
    file = tmp_path / "chart.svg"
    assert run(["design", *arguments, "--plot", str(file)]) == 0
    assert file.read_text().count("<path") > 5


@pytest.mark.parametrize("suffix", ["svg", "png", "json"])
def test_plots_need_no_network(suffix: str, tmp_path: Path, capsys: Told) -> None:
    file = tmp_path / f"chart.{suffix}"
    plot = ["--plot", str(file)]
    assert run(["design", "table", "boin", "--target", "0.3", "--n-max", "3", *plot]) == 0
    starts = {"svg": b"<svg", "png": b"\x89PNG", "json": b"{"}
    first = file.read_bytes()
    assert first.startswith(starts[suffix])
    assert run(["design", "table", "boin", "--target", "0.3", "--n-max", "3", *plot]) == 0
    assert file.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["table", "4+4"], "unknown kind"),
        (["table", "boin"], "target: Field required"),
        (["table", "{]"], "not a JSON object"),
        (["table", "boin", "--target", "0.3", "--set", "offset"], "NAME=VALUE"),
        (["table", "boin", "--target", "0.3", "--skeleton", "0.1"], "no design here has one"),
        (["table", "boin_comb", "--target", "0.3", "--cohorts", "1"], "list of rows"),
        (["table", "boin", "--target", "0.3", "--plot", "a.pdf"], "has to end in"),
        (["table", "3+3", "--plot", "a.svg"], "to be read"),
        (["simulate", "3+3", "--rates", "a,b"], "numbers with commas"),
        (["simulate", "3+3", "--rates", "0.1;0.1,0.2"], "every row"),
        (["simulate", "3+3", "--rates", "1.5"], "from 0 to 1"),
        (["simulate", "3+3", "--rates", "0.1", "--exact", "--trials", "5"], "one of them"),
        (["simulate", "rolling_six", "--rates", "0.1", "--exact"], "final counts"),
        (["simon", "--p0", "0.4", "--p1", "0.2"], "p0 < p1"),
        (["stopping", "{}"], "kind"),
        (["stopping", '{"kind": "n_of_m", "events": 3, "of": 2}'], "never be reached"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], told: str, capsys: Told) -> None:
    assert run(["design", *arguments]) == 2
    assert told in " ".join(capsys.readouterr().err.split())
