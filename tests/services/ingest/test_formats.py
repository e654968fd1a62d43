"""The three ways to send events: what counts as a line, what is too much, what an answer says."""

import gzip
import json
from typing import Any

import httpx2
from sqlalchemy import Engine

from shared.contracts.receipts import LineResult
from tests.services.ingest.support import Sender, count, event, ndjson, published

URL = "/ingest/v1/events"


def test_one_event_as_plain_json(edc: Sender) -> None:
    body = json.dumps(event()).encode()
    for media_type in ("application/json", "application/cloudevents+json; charset=UTF-8"):
        answer = edc.request("POST", URL, media_type, body)
        assert answer.status_code in (200, 202)
        assert answer.headers["location"] == f"/ingest/v1/receipts/{answer.json()['receipt']}"


def test_every_line_is_answered_in_order_and_none_spoils_another(
    edc: Sender, engine: Engine
) -> None:
    bad_value = event("3")
    bad_value["data"] = {**bad_value["data"], "LBORRES": 0.42}
    answer = edc.lines(
        ndjson(
            [
                event("1", recordid="a"),
                b"",
                b"{not json",
                b"   \t ",
                bad_value,
                b'"\xff"',
                event("4", recordid="b", studyid="OTHER", STUDYID="OTHER"),
                event("1", recordid="a"),
                event("5", recordid="c"),
            ]
        )
    )
    results = [LineResult.model_validate_json(line) for line in answer.text.splitlines()]
    assert [(r.line, r.status, r.result) for r in results] == [
        (1, 202, "accepted"),
        (3, 400, "refused"),
        (5, 422, "refused"),
        (6, 400, "refused"),
        (7, 404, "refused"),
        (8, 200, "duplicate"),
        (9, 202, "accepted"),
    ]
    assert results[2].problem is not None
    assert results[2].problem["errors"] == [
        {
            "pointer": "/data/LBORRES",
            "code": "string-type",
            "detail": "Input should be a valid string",
        }
    ]
    assert all(result.receipt for result in results)
    assert len(published(engine)) == 2


def test_line_ends_may_be_crlf_and_the_last_may_lack(edc: Sender) -> None:
    lines = [json.dumps(event(f"{n}", recordid=f"r{n}")).encode() for n in range(3)]
    answer = edc.lines(b"\r\n".join(lines))
    assert [json.loads(line)["status"] for line in answer.text.splitlines()] == [202] * 3


def test_no_lines_are_no_results(edc: Sender) -> None:
    for body in (b"", b"\n\r\n"):
        answer = edc.lines(body)
        assert (answer.status_code, answer.content) == (200, b"")


def test_a_batch_is_answered_in_order(edc: Sender) -> None:
    documents: list[Any] = [event("1", recordid="a"), 7, None, event("2", recordid="b", revision=0)]
    answer = edc.batch([*documents, event("3", recordid="c")])
    results = [LineResult.model_validate(result) for result in answer.json()]
    assert [(r.line, r.status) for r in results] == [
        (1, 202),
        (2, 422),
        (3, 422),
        (4, 422),
        (5, 202),
    ]
    assert edc.batch([]).json() == []


def test_a_batch_that_is_no_array_is_refused_as_a_whole(edc: Sender, engine: Engine) -> None:
    body = json.dumps(event()).encode()
    answer = edc.request("POST", URL, "application/cloudevents-batch+json", body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["code"] == "not-an-array"
    assert count(engine, "ingest.refusal") == 1


NO_EVENTS = [
    (b"{", 400, "not-json"),
    (b"", 400, "not-json"),
    (b'{"id":"\xff"}', 400, "not-utf8"),
    (b'{"id":1,"id":2}', 422, "duplicate-key"),
    (b'{"id":NaN}', 422, "not-finite"),
    (b'{"id":1e999}', 422, "not-finite"),
    (b'{"id":"\\u0000"}', 422, "nul-character"),
    (b'{"id":"\\ud800"}', 422, "lone-surrogate"),
    (b'{"id":' + b"9" * 5000 + b"}", 422, "number-too-long"),
    (b"[" * 17 + b"]" * 17, 422, "too-deep"),
    (b'{"data":"' + b"x" * (256 * 1024) + b'"}', 413, "too-large"),
    (b"[]", 422, "model-type"),
]


def test_what_is_no_event_is_refused_with_its_place(edc: Sender) -> None:
    for body, status, code in NO_EVENTS:
        answer = edc.request("POST", URL, "application/json", body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        lines = [json.loads(line) for line in edc.lines(body).text.splitlines()]
        assert [line["status"] for line in lines] == [status] * bool(body)


def test_an_event_of_a_batch_has_the_size_limit_of_a_line(edc: Sender) -> None:
    data = {**event()["data"], "COVAL": "x" * (256 * 1024)}
    [result] = edc.batch([{**event(), "data": data}]).json()
    assert result["status"] == 413


def test_too_many_lines_are_refused_as_a_whole(edc: Sender, engine: Engine) -> None:
    answer = edc.lines(b"{}\n" * 10_001)
    assert answer.status_code == 413
    assert edc.batch([{}] * 10_001).status_code == 413
    assert count(engine, "ingest.refusal") == 2
    assert len(edc.lines(b"{}\n" * 10_000).text.splitlines()) == 10_000


def test_too_large_a_body_is_refused(edc: Sender) -> None:
    answer = edc.lines(b" " * (16 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_other_media_types_are_not_guessed_at(edc: Sender) -> None:
    body = json.dumps(event()).encode()
    for media_type in ("", "text/plain", "application/json; charset=latin-1"):
        assert edc.request("POST", URL, media_type, body).status_code == 415
    packed = {"Content-Encoding": "gzip"}
    answer = edc.request("POST", URL, "application/json", gzip.compress(body), **packed)
    assert answer.status_code == 415


def test_problems_are_counted_out_and_pointers_cut(edc: Sender) -> None:
    answer = edc.one({**event(), **{f"wrong{n}": n for n in range(500)}, "x" * 10_000: 1})
    errors = answer.json()["errors"]
    assert answer.status_code == 422
    assert len(errors) == 20
    assert len(answer.content) < 10_000


def test_numbers_and_unlisted_variables_are_published_as_sent(edc: Sender, engine: Engine) -> None:
    odd: dict[str, Any] = {"XXNUM": 12345678901234567890123, "XXTEXT": "é≥µ 🩸", "VISITNUM": 1.10}
    assert edc.one(event(**odd)).status_code == 202
    [fact] = published(engine)
    assert {key: fact.data[key] for key in odd} == odd


def test_the_schemas_are_public(client: httpx2.Client) -> None:
    names = client.get("/ingest/v1/schemas").json()["types"]
    assert {"vigil.lab.v1", "vigil.envelope.v1", "vigil.line_result.v1"} <= set(names)
    assert client.get("/ingest/v1/schemas/vigil.lab.v1").json()["$id"] == "vigil.lab.v1"
    for unknown in ("vigil.nothing.v1", "lab", "vigil"):
        assert client.get(f"/ingest/v1/schemas/{unknown}").status_code == 404
