"""The published JSON Schemas: committed, current, and in agreement with the reader."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from shared.contracts.facts import KINDS
from shared.contracts.schemas import FOLDER, drift, main, schema_names, schema_of
from tests.contracts.examples import event


def test_the_committed_schemas_are_current() -> None:
    assert drift() == []
    assert main(["--check"]) == 0


@pytest.mark.parametrize("name", schema_names())
def test_each_is_a_json_schema_with_its_name(name: str) -> None:
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == name


def test_no_schema_for_an_unknown_type() -> None:
    with pytest.raises(KeyError):
        schema_of("vigil.nothing.v1")


@pytest.mark.parametrize("kind", KINDS)
def test_an_accepted_event_satisfies_the_schemas(kind: str) -> None:
    document = event(kind, data={"XXTRA": "kept"})
    Draft202012Validator(schema_of("vigil.envelope.v1")).validate(document)
    data = Draft202012Validator(schema_of(f"vigil.{kind}.v1"))
    data.validate(document["data"])
    assert not data.is_valid({**document["data"], "misspelt_field": "x"})
    assert not data.is_valid({"STUDYID": "S1"})


def test_drift_is_told_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "schemas"
    shutil.copytree(FOLDER, folder)
    (folder / "vigil.lab.v1.json").write_text("{}\n")
    (folder / "vigil.signal.v1.json").unlink()
    (folder / "vigil.gone.v1.json").write_text("{}\n")
    expected = ["vigil.gone.v1.json", "vigil.lab.v1.json", "vigil.signal.v1.json"]
    assert drift(folder) == expected
    assert main(["--check"], folder) == 1
    assert "vigil.lab.v1.json" in capsys.readouterr().err
    assert main([], folder) == 0
    assert drift(folder) == []
