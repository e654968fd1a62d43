"""Every criterion can be reviewed: it says where it comes from and carries its cases.

Read with a plain YAML reader on purpose: the loader must not be the only one to vouch for them.
Whether the cases surround every threshold is checked where they are run, in tests/clinical/ctcae.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.repository import files, text

_CRITERIA = Path("shared/clinical/ctcae")
FOLDERS = {
    path.parent.name: yaml.safe_load(text(path))["version"]
    for path in files()
    if path.name == "version.yaml" and path.parent.parent == _CRITERIA
}


def _documents() -> list[Path]:
    found = [path for path in files() if path.parent.parent == _CRITERIA and path.suffix == ".yaml"]
    return [path for path in found if path.name != "version.yaml"]


def _criteria(path: Path) -> list[dict[str, Any]]:
    criteria: list[dict[str, Any]] = yaml.safe_load(text(path))["criteria"]
    return criteria


def test_every_version_has_criteria() -> None:
    assert {path.parent.name for path in _documents()} == set(FOLDERS)
    assert all(_criteria(path) for path in _documents())


@pytest.mark.parametrize("path", _documents(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_criterion_names_its_source_and_has_cases(path: Path) -> None:
    version = FOLDERS[path.parent.name]
    assert yaml.safe_load(text(path))["ctcae"] == version
    lacking = [
        one["term"]
        for one in _criteria(path)
        if version not in one.get("source", "") or len(one.get("cases", [])) < 2
    ]
    assert not lacking, f"{path}: no source of its version, or no cases: {lacking}"
