"""`vigil audit verify` on a database that was left alone, and on one that was not."""

import json

import pytest

from services.cli.app import run
from tests.services.dlt_monitor.station import Station
from tests.services.dlt_monitor.trial import STUDY, Trial


def test_the_record_is_proved_until_somebody_alters_it(
    station: Station, trial: Trial, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    station.feed([trial.protocol(), *trial.cohort()])
    asked = ["audit", "verify", "--study", STUDY, "--database-url", database_url]
    assert run([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"checked": {"proved": 1}, "unsound": []}

    with station.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE dlt_monitor.assessment DISABLE TRIGGER append_only")
        conn.exec_driver_sql(
            "UPDATE dlt_monitor.assessment SET document = replace(document, 'wait', 'escalate')"
        )
    assert run(asked) == 1
    assert f"altered: {STUDY} 1 sha256:" in capsys.readouterr().out


def test_a_study_nobody_knows_is_no_proof(
    station: Station, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", "verify", "--study", "S-9", "--database-url", database_url]) == 1
    assert "nothing was said" in capsys.readouterr().err
