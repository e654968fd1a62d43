"""Words outcomes for senders: a receipt where it went well, a problem with pointers where not."""

import json
from collections.abc import Sequence
from typing import Any

from services.ingest.api.parts import PREFIX
from services.ingest.intake.items import Outcome
from services.ingest.store.answers import Answer
from shared.contracts.receipts import LineResult

_REFUSED = {
    400: ("unreadable-event", "This is not readable as an event"),
    403: ("not-permitted", "This key may not send this event"),
    404: ("not-found", "Not Found"),
    413: ("event-too-large", "The event is too large"),
    422: ("event-refused", "The event does not keep to the contract"),
}
_CONFLICTS = {
    "id-reused": "The id belongs to another event",
    "revision-conflict": "The revision is known with other content",
}


def one(outcomes: Sequence[Outcome]) -> Answer:
    """The answer to a request with a single event."""
    outcome = outcomes[0]
    location = f"{PREFIX}/receipts/{outcome.receipt}"
    if outcome.problems:
        body = {**_problem(outcome), "receipt": outcome.receipt}
        return Answer(outcome.status, "application/problem+json", _json(body), location)
    body = {"status": outcome.status, "result": outcome.result, "receipt": outcome.receipt}
    return Answer(outcome.status, "application/json", _json(body), location)


def many(outcomes: Sequence[Outcome]) -> Answer:
    """The answer to a batch: an array in the order of the events, counted from 1."""
    results = [_result(number, outcome) for number, outcome in enumerate(outcomes, start=1)]
    return Answer(200, "application/json", b"[" + b",".join(results) + b"]")


def lines(numbers: Sequence[int], outcomes: Sequence[Outcome]) -> Answer:
    """The answer to NDJSON: a line for each line that was not blank."""
    results = map(_result, numbers, outcomes)
    return Answer(200, "application/x-ndjson", b"".join(result + b"\n" for result in results))


def _result(number: int, outcome: Outcome) -> bytes:
    if not outcome.problems:
        # Nearly every line there is; every part is a word of ours. A tenth of the model's time.
        return (
            f'{{"line":{number},"status":{outcome.status},"result":"{outcome.result}",'
            f'"receipt":"{outcome.receipt}","problem":null}}'
        ).encode()
    return (
        LineResult(
            line=number,
            status=outcome.status,
            result=outcome.result,
            receipt=outcome.receipt,
            problem=_problem(outcome),
        )
        .model_dump_json()
        .encode()
    )


def _problem(outcome: Outcome) -> dict[str, Any]:
    conflict = _CONFLICTS.get(outcome.result)
    slug, title = (outcome.result, conflict) if conflict else _REFUSED[outcome.status]
    return {
        "type": f"urn:vigil:problem:{slug}",
        "title": title,
        "status": outcome.status,
        "errors": [
            {"pointer": problem.pointer, "code": problem.code, "detail": problem.detail}
            for problem in outcome.problems
        ],
    }


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
