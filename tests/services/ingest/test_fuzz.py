"""Whatever is sent, the answer is no failure of ours and repeats nothing of it."""

import json
from typing import Any

import httpx2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts.receipts import LineResult
from tests.services.ingest.support import EVENT, Sender

MARK = "Zq7"
"""Part of every value that must not come back; names of fields may, in pointers."""

ROUNDS = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20).map(lambda text: MARK + text)
    | st.sampled_from(["", "delete", "upsert", "0001-01-01T00:00:00+14:00", "S1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "B", "", "~/", "DATA", "é"]), inner, max_size=3)
    ),
    max_leaves=8,
)
_places = st.sampled_from(
    [
        *((key,) for key in EVENT),
        *(("data", key) for key in (*EVENT["data"], "VISITNUM", "LBSTAT", "XX", "xx")),
        ("op",),
        ("sourcetime",),
        ("knowntime",),
        ("reason",),
    ]
)
_kinds = st.sampled_from(
    ["lab", "dose", "adverse_event", "subject", "cohort_assignment", "dlt_review", "protocol", "x"]
)


@st.composite
def _mutated(draw: st.DrawFn) -> dict[str, Any]:
    event: dict[str, Any] = {**EVENT, "data": dict(EVENT["data"])}
    if draw(st.booleans()):
        event["type"] = f"vigil.{draw(_kinds)}.v1"
    for place in draw(st.lists(_places, min_size=1, max_size=3)):
        *parents, last = place
        target = event["data"] if parents else event
        if isinstance(target, dict):
            target[last] = draw(_values)
    return event


def check(answer: httpx2.Response) -> None:
    assert answer.status_code < 500
    assert MARK not in answer.text
    assert MARK not in str(answer.headers)


def send_everywhere(edc: Sender, body: bytes) -> None:
    for media_type in ("json", "cloudevents-batch+json", "x-ndjson"):
        answer = edc.request("POST", "/ingest/v1/events", f"application/{media_type}", body)
        check(answer)
        if media_type == "x-ndjson":
            for line in answer.text.splitlines():
                assert LineResult.model_validate_json(line).status < 500


def test_bytes(edc: Sender) -> None:
    @ROUNDS
    @given(st.binary(max_size=200).map(lambda noise: MARK.encode() + noise))
    def fuzz(body: bytes) -> None:
        send_everywhere(edc, body)

    fuzz()


def test_json(edc: Sender) -> None:
    @ROUNDS
    @given(_values)
    def fuzz(value: Any) -> None:
        send_everywhere(edc, json.dumps(value).encode())

    fuzz()


def test_mutated_events(edc: Sender) -> None:
    @ROUNDS
    @given(st.lists(_mutated(), min_size=1, max_size=5))
    def fuzz(events: list[dict[str, Any]]) -> None:
        send_everywhere(edc, json.dumps(events[0]).encode())
        check(edc.lines(b"\n".join(json.dumps(event).encode() for event in events)))
        check(edc.batch(events))

    fuzz()
