"""What every file has to keep to: its length, and no trace of the machine it was written on."""

import re
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, files, text

LONGEST = 400
_TEMPLATES = {".html", ".j2", ".mako"}

# Spelled in two halves, so that this file does not hold what it forbids.
_TRACES = {
    "a path of one machine": r"(?<![\w.-])/(?:work/(?:ma"
    r"in|sha"
    r"red|\.)|tmp/te"
    r"am|ro"
    r"ot/)",
    "a package index": r"py"
    r"pi\.org|python"
    r"hosted\.org|--(?:extra-)?ind"
    r"ex-url|--find-li"
    r"nks",
    "a private key": r"BEGIN (?:RSA |EC |OPENSSH )?PRIVATE[ ]KEY",
}


def _is_long(path: Path) -> bool:
    return len(text(path).splitlines()) > LONGEST


def test_no_file_outgrows_one_reading() -> None:
    grown = [
        f"{path}: {len(text(path).splitlines())} lines"
        for path in files()
        if (path.suffix == ".py" or path.suffix in _TEMPLATES)
        and "versions" not in path.parts
        and _is_long(path)
    ]
    assert not grown, "split these by meaning:\n" + "\n".join(grown)


@pytest.mark.parametrize("kind", _TRACES)
def test_no_file_names(kind: str) -> None:
    pattern = re.compile(_TRACES[kind])
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in files()
        for number, line in enumerate(text(path).splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found, f"{kind} in:\n" + "\n".join(found)


def test_the_walk_sees_the_repository() -> None:
    assert Path("pyproject.toml") in files()
    assert Path(__file__).relative_to(ROOT) in files()
    assert not any(".venv" in path.parts for path in files())
