"""The web side: every error is a problem, nothing sent comes back, limits hold while streaming."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel, ConfigDict

from shared.runtime.settings import Limits, Settings
from shared.runtime.web import JsonBody, Problem, RawBody, api_router, create_app, public

LIMIT = 10_000


class Lab(BaseModel):
    model_config = ConfigDict(extra="forbid")

    value: float
    unit: str


def lab_router() -> APIRouter:
    router = api_router("/lab/v1")

    @router.post("/model")
    @public
    def by_model(lab: Lab) -> dict[str, str]:
        return {"unit": lab.unit}

    @router.post("/json")
    @public
    def by_json(body: JsonBody) -> dict[str, Any]:
        return {"got": body}

    @router.post("/raw")
    @public
    def by_bytes(body: RawBody) -> dict[str, int]:
        return {"bytes": len(body)}

    @router.get("/items/{item}")
    @public
    def one(item: str, day: Annotated[int, Query()] = 1) -> dict[str, str]:
        if item == "broken":
            raise RuntimeError("secret-in-exception")
        if item == "refused":
            raise Problem(409, "taken", "Taken", "by others", [{"pointer": "/a", "detail": "x"}])
        return {"item": "found"}

    return router


@pytest.fixture
def base(live_server: Callable[[FastAPI], str]) -> str:
    settings = Settings(limits=Limits(max_body_bytes=LIMIT))
    return live_server(create_app("Lab", settings, routers=[lab_router()]))


@pytest.fixture
def client(base: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=base, timeout=60) as client:
        yield client


def assert_problem(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:vigil:problem:")
    assert problem["instance"].endswith(response.headers["x-request-id"])
    return problem


def test_unknown_address_and_method_are_problems(client: httpx2.Client) -> None:
    assert_problem(client.get("/nowhere"), 404)
    wrong = client.put("/lab/v1/json")
    assert_problem(wrong, 405)
    assert wrong.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/lab/v1/model", "/lab/v1/json"])
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"value": NaN, "unit": "g"}', 422, "not-finite"),
        (b'{"value": 1e999, "unit": "g"}', 422, "not-finite"),
        (b'{"value": 1, "value": 2, "unit": "g"}', 422, "duplicate-key"),
        (b'{"value": 1, "unit": "\xff"}', 400, "not-utf8"),
        (b'{"value": 1,', 400, "not-json"),
        (b"[" * 50 + b"]" * 50, 422, "too-deep"),
    ],
)
def test_lenient_json_is_refused(
    client: httpx2.Client, path: str, body: bytes, status: int, code: str
) -> None:
    response = client.post(path, content=body, headers={"content-type": "application/json"})
    assert assert_problem(response, status)["errors"][0]["code"] == code


def test_validation_points_at_the_field_and_does_not_echo(client: httpx2.Client) -> None:
    response = client.post(
        "/lab/v1/model", json={"value": "SUBJECT-0042", "unit": 5, "USUBJID": "SUBJECT-0043"}
    )
    problem = assert_problem(response, 422)
    assert {error["pointer"] for error in problem["errors"]} == {"/value", "/unit", "/USUBJID"}
    assert "SUBJECT" not in response.text


def test_a_wrong_parameter_is_named(client: httpx2.Client) -> None:
    response = client.get("/lab/v1/items/x", params={"day": "SUBJECT-0042"})
    [error] = assert_problem(response, 422)["errors"]
    assert (error["in"], error["parameter"]) == ("query", "day")
    assert "SUBJECT" not in response.text


def test_a_raised_problem_keeps_its_parts(client: httpx2.Client) -> None:
    problem = assert_problem(client.get("/lab/v1/items/refused"), 409)
    assert problem["type"] == "urn:vigil:problem:taken"
    assert problem["detail"] == "by others"
    assert problem["errors"] == [{"pointer": "/a", "detail": "x"}]


def test_a_body_at_the_limit_passes_and_one_byte_more_does_not(client: httpx2.Client) -> None:
    assert client.post("/lab/v1/raw", content=b"x" * LIMIT).json() == {"bytes": LIMIT}
    assert_problem(client.post("/lab/v1/raw", content=b"x" * (LIMIT + 1)), 413)


def test_a_streamed_body_is_counted_as_it_comes(client: httpx2.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(LIMIT // 1000 + 1):
            yield b"x" * 1000

    response = client.post("/lab/v1/raw", content=chunks())
    assert_problem(response, 413)


def test_an_unhandled_error_keeps_the_connection_and_its_secret(base: str) -> None:
    address = urlsplit(base)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    connection.request("GET", "/lab/v1/items/broken")
    first = connection.getresponse()
    text = first.read().decode()
    assert first.status == 500
    assert json.loads(text)["type"] == "urn:vigil:problem:internal-error"
    assert "secret" not in text
    first_socket = connection.sock
    assert first_socket is not None, "the server closed the connection"
    connection.request("GET", "/lab/v1/items/fine")
    assert connection.getresponse().status == 200
    assert connection.sock is first_socket
    connection.close()


def test_metrics_name_routes_not_paths(client: httpx2.Client) -> None:
    client.get("/lab/v1/items/SUBJECT-0042")
    client.get("/SUBJECT-0043")
    text = client.get("/metrics").text
    assert 'route="/lab/v1/items/{item}"' in text
    assert 'route="unmatched"' in text
    assert "SUBJECT" not in text


def test_request_id_and_security_headers(client: httpx2.Client) -> None:
    kept = client.get("/livez", headers={"x-request-id": "abc-1"})
    assert kept.headers["x-request-id"] == "abc-1"
    replaced = client.get("/livez", headers={"x-request-id": "a b\tc"})
    assert re.fullmatch(r"[0-9a-f]{16}", replaced.headers["x-request-id"])
    assert kept.headers["x-content-type-options"] == "nosniff"
    assert kept.headers["cache-control"] == "no-store"
    assert "server" not in kept.headers


def test_readiness_tells_which_part_complains(live_server: Callable[[FastAPI], str]) -> None:
    complaint: list[str | None] = [None]
    app = create_app("Lab", Settings(), ready={"worker": lambda: complaint[0]})
    base = live_server(app)
    assert httpx2.get(f"{base}/readyz", timeout=60).status_code == 200
    complaint[0] = "the worker is not running"
    problem = assert_problem(httpx2.get(f"{base}/readyz", timeout=60), 503)
    assert problem["errors"] == [{"part": "worker", "detail": "the worker is not running"}]
    assert httpx2.get(f"{base}/livez", timeout=60).status_code == 200


def test_a_lenient_router_is_refused() -> None:
    router = APIRouter()
    router.add_api_route("/x", public(lambda: None))
    with pytest.raises(ValueError, match="api_router"):
        create_app("Lab", Settings(), routers=[router])


def test_sigterm_ends_the_process_although_a_stream_is_open(tmp_path: Any) -> None:
    script = tmp_path / "streaming.py"
    script.write_text(
        textwrap.dedent("""
            import asyncio, sys
            from collections.abc import AsyncIterator
            from fastapi.responses import StreamingResponse
            from shared.runtime.settings import Settings
            from shared.runtime.web import api_router, create_app, public, serve

            router = api_router()

            @router.get("/stream")
            @public
            def stream() -> StreamingResponse:
                async def events() -> AsyncIterator[str]:
                    while True:
                        yield ": beat\\n\\n"
                        await asyncio.sleep(0.1)
                return StreamingResponse(events(), media_type="text/event-stream")

            serve(create_app("Stream", Settings(), routers=[router]), "127.0.0.1", int(sys.argv[1]))
            print("closed properly", flush=True)
        """)
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(script), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": "."},
    )
    try:
        transport = httpx2.HTTPTransport(retries=8)
        with (
            httpx2.Client(transport=transport, timeout=60) as client,
            client.stream("GET", f"http://127.0.0.1:{port}/stream") as response,
        ):
            assert next(response.iter_raw()).startswith(b": beat")
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            output, _ = process.communicate(timeout=60)
            assert time.monotonic() - began < 10
        assert process.returncode == 0
        assert b"closed properly" in output
    finally:
        process.kill()
