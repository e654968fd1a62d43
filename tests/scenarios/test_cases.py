"""Files that read as given / then, against the pure core: the 36 tricky timelines (``cases``), and
studies under other designs than the demo's (``designs``)."""

from pathlib import Path

import pytest

from shared.clinical.rehearsal import Stage, misses, read_case, rehearse
from tests.clinical.stories import PROTOCOL

DOCUMENT = PROTOCOL.read_text("utf-8")
HERE = Path(__file__).parent
PATHS = sorted((HERE / "cases").glob("*.yaml"))
ROWS = [
    pytest.param(path, number, id=f"{path.stem}-{expected.at}".replace(" ", "_"))
    for path in (*PATHS, *sorted((HERE / "designs").glob("*.yaml")))
    for number, expected in enumerate(read_case(path.read_text("utf-8")).then)
]


@pytest.mark.parametrize(("path", "number"), ROWS)
def test_case(path: Path, number: int) -> None:
    case = read_case(path.read_text("utf-8"))
    stage = Stage(DOCUMENT, case.protocol)
    stage.tell(case.given)
    assert not misses(stage, case.then[number])


def test_every_case_is_told() -> None:
    told = {read_case(path.read_text("utf-8")).case for path in PATHS}
    assert sorted(filter(None, told)) == list(range(1, 37))


def test_a_wrong_expectation_is_found() -> None:
    case = read_case(PATHS[0].read_text("utf-8"))
    wrong = case.then[-1].model_copy(update={"action": "finish", "at": case.then[-1].at}, deep=True)
    (miss,) = rehearse(DOCUMENT, case.model_copy(update={"then": [wrong]}))
    assert miss.endswith("instead of finish")
