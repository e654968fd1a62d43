"""An answer that was given before is the one that would be given afresh, to whatever is asked."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.answered import Answered, _answers, _Asked, answers_to
from shared.clinical.ctcae import Measurement

_VALUES: dict[str, tuple[list[str], list[str | None]]] = {
    "ALT": (["30", "130", "700", "<20", "haemolysed"], ["U/L", "ukat/L", None]),
    "NEUT": (["0.4", "0.9", "3.1", ">1.2"], ["10^9/L", "10^3/uL"]),
    "NA": (["128", "122", "140"], ["mmol/L"]),
    "GLUC": (["2.5", "9", "30"], ["mmol/L", "mg/dL"]),
    "CREAT": (["70", "160", "350"], ["umol/L"]),
}


def _measurements(test: str) -> st.SearchStrategy[Measurement]:
    results, units = _VALUES[test]
    return st.builds(
        Measurement,
        st.just(test),
        st.sampled_from(results),
        st.sampled_from(units),
        st.sampled_from(["1", "35", None]),
        st.sampled_from(["45", "100", None]),
        st.sampled_from(["SERUM", "URINE", None]),
        st.sampled_from([True, None]),
        st.sampled_from(["NORMAL", "HIGH", None]),
    )


_TEMPERATURE = [Measurement("TEMP", value, "C", None, None) for value in ("36.8", "39.5")]


@st.composite
def _questions(draw: st.DrawFn, test: str) -> dict[str, Any]:
    beside = draw(st.sampled_from([(), *((("TEMP", one),) for one in _TEMPERATURE)]))
    return {
        "value": draw(_measurements(test)),
        "ctcae": draw(st.sampled_from(["4.03", "5.0", "6.0"])),
        "domain": draw(st.sampled_from(["lab", "vital"])),
        "is_baseline": draw(st.booleans()),
        "baseline": draw(st.none() | _measurements(test)),
        "beside": beside if test == "NEUT" else (),
        "worst_case": draw(st.sampled_from(["query", "counts"])),
    }


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_answer_does_not_hang_on_what_was_asked_before(data: st.DataObject) -> None:
    test = data.draw(st.sampled_from(sorted(_VALUES)))
    for asked in data.draw(st.lists(_questions(test), min_size=1, max_size=12)):
        assert _said(answers_to(**asked)) == _said(_afresh(**asked))


def _afresh(
    value: Measurement, worst_case: Any, beside: Any, baseline: Any, **asked: Any
) -> tuple[Answered, ...]:
    question = _Asked(value, baseline=baseline, beside=beside, **asked)
    return _answers.__wrapped__(question, worst_case)


def _said(answers: tuple[Answered, ...]) -> list[tuple[object, ...]]:
    return [
        (type(one.answer), one.answer.result, one.answer.answer, one.answer.why, *one[1:])
        for one in answers
    ]
