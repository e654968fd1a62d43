"""`vigil demo` as a person starts it: one process, one JSON document, and nothing left behind."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from services.cli.app import run
from shared.contracts.assessment import Assessment

_VIGIL = [sys.executable, "-c", "from services.cli import main; main()"]


@pytest.mark.slow
def test_the_demo_prints_only_the_assessment_and_ends() -> None:
    with tempfile.TemporaryDirectory(prefix="vigil-", ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o755)
        done = subprocess.run(
            [*_VIGIL, "demo", "--exit", "--json", "--until", "2022-06-16"],
            env=os.environ | {"TMPDIR": scratch},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        left = list(Path(scratch).iterdir())
    assert done.returncode == 0, done.stderr
    assessment = Assessment.model_validate_json(done.stdout)
    assert (assessment.recommendation.action, assessment.recommendation.dose_level) == ("enrol", 2)
    assert left == []


@pytest.mark.parametrize(("until", "told"), [("2020-01-01", "begins later"), ("soon", "a date")])
def test_a_day_outside_the_story_is_refused(
    until: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--exit", "--until", until]) == 2
    assert told in capsys.readouterr().err
