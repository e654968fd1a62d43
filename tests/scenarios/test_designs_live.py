"""Studies under other designs than the demo's, told live: files that read as given and then."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.clinical.rehearsal import Stage, misses, read_case
from tests.clinical.stories import PROTOCOL

DOCUMENT = PROTOCOL.read_text("utf-8")
PATHS = sorted((Path(__file__).parent / "designs").glob("*.yaml"))
ROWS = [
    pytest.param(path, number, id=f"{path.stem}-{expected.at}".replace(" ", "_"))
    for path in PATHS
    for number, expected in enumerate(read_case(path.read_text("utf-8")).then)
]


@pytest.mark.parametrize(("path", "number"), ROWS)
def test_case(path: Path, number: int) -> None:
    case = read_case(path.read_text("utf-8"))
    stage = Stage(DOCUMENT, case.protocol)
    stage.tell(case.given)
    assert not misses(stage, case.then[number])
