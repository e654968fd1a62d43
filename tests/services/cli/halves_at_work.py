"""What `test_replay_halves` looks at in a process of its own: only one with a single thread is
doubled."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import pytest

from services.cli.output import Failure, fail
from services.cli.replay_halves import WORTH_IT, replayed, replayed_in_two
from services.demo.replay import events, facts_of, protocol_fact
from shared.clinical import Study, evaluate
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact, read_fact
from shared.runtime.twin import Parted

US = os.getpid()
FACTS = facts_of(one for one in events() if one["knowntime"] < "2022-08-24")
"""Through the first candidate and its confirmation, as in `test_replay`."""
PROTOCOL = protocol_fact(FACTS[0].known_at - timedelta(days=1))
STUDY = PROTOCOL.study
LINES = [fact.model_dump_json().encode() for fact in (PROTOCOL, *FACTS)]
MANY = LINES * (WORTH_IT // len(LINES) + 1)
LATEST = max(fact.known_at for fact in FACTS)


def read(lines: Sequence[bytes]) -> Iterable[Fact]:
    return map(read_fact, lines)


def assess(study: Study, _: datetime, last: datetime) -> Assessment:
    return study.assess(as_of=last)


def whole(*more: Fact) -> Assessment:
    return evaluate([PROTOCOL, *FACTS, *more], as_of=LATEST)


def some_moments() -> None:
    moments = sorted({fact.known_at for fact in FACTS})
    for moment in moments[len(moments) // 4 :: len(moments) // 4]:

        def then(study: Study, _: datetime, __: datetime, moment: datetime = moment) -> Assessment:
            found = study.assess(as_of=moment)
            late = study.assess(as_of=moment, known_at=LATEST)
            return found.model_copy(update={"digest": f"{found.digest} {late.digest}"})

        alone = evaluate([PROTOCOL, *FACTS], as_of=moment)
        late = evaluate([PROTOCOL, *FACTS], as_of=moment, known_at=LATEST)
        found = replayed_in_two(STUDY, LINES, read, then)
        assert found.digest == f"{alone.digest} {late.digest}"
        assert found.model_copy(update={"digest": alone.digest}) == alone


def many_lines() -> None:
    assert replayed(STUDY, MANY, read, assess) == whole()
    assert replayed_in_two(STUDY, MANY, read, assess) == whole()


def a_copy_that_dies() -> None:
    def dying(lines: Sequence[bytes]) -> Iterable[Fact]:
        for number, line in enumerate(lines):
            if os.getpid() != US and number == 100:
                os._exit(1)
            yield read_fact(line)

    assert replayed(STUDY, MANY, dying, assess) == whole()


def a_copy_that_says_something_else() -> None:
    def lying(study: Study, _: datetime, last: datetime) -> Assessment:
        found = study.assess(as_of=last)
        return found if os.getpid() == US else found.model_copy(update={"digest": "another"})

    with pytest.raises(Parted):
        replayed_in_two(STUDY, LINES, read, lying)


def a_record_of_two_subjects() -> None:
    mine, *_ = (fact for fact in FACTS if fact.kind == "lab")
    others = dict.fromkeys(fact.subject for fact in FACTS)
    for other in [one for one in others if one not in (mine.subject, STUDY)][:2]:
        who = {"subject": other, "data": mine.data | {"USUBJID": other}}
        moved = mine.model_copy(update={**who, "fact_id": "moved", "revision": 2})
        lines = [*MANY, moved.model_dump_json().encode()]
        with pytest.raises(Parted):
            replayed_in_two(STUDY, lines, read, assess)
        assert replayed(STUDY, lines, read, assess) == whole(moved)


def a_line_about_somebody_else() -> None:
    """A key of that name before the subject's own."""
    lines = [*MANY]
    fact = FACTS[5]
    told = fact.model_dump_json().replace('"data":{', '"data":{"SUPP":{"subject":"nobody"},')
    document = json.loads(told)
    first = {"data": document.pop("data"), **document}
    lines[6 :: len(LINES)] = [json.dumps(first).encode()] * len(lines[6 :: len(LINES)])
    with pytest.raises(Parted):
        replayed_in_two(STUDY, lines, read, assess)
    alone = Study(STUDY)
    alone.add(read(lines))
    assert replayed(STUDY, lines, read, assess) == alone.assess(as_of=LATEST)


def a_line_that_is_none() -> None:
    def numbered(lines: Sequence[bytes]) -> Iterable[Fact]:
        for number, line in enumerate(lines, start=1):
            if line == b"{":
                fail(f"line {number}")
            yield read_fact(line)

    lines = [*MANY]
    lines[4321] = lines[4000] = b"{"
    with pytest.raises(Failure, match=r"^line 4001$"):
        replayed(STUDY, lines, numbered, assess)


if __name__ == "__main__":
    some_moments()
    many_lines()
    a_copy_that_dies()
    a_copy_that_says_something_else()
    a_record_of_two_subjects()
    a_line_about_somebody_else()
    a_line_that_is_none()
