"""Logs and traces: one trace from request to message, and no values on the way."""

import json
import logging
import subprocess
import sys

import pytest

from shared.runtime.telemetry import (
    child_of,
    current_traceparent,
    describe,
    get_logger,
    parse_traceparent,
    trace,
)

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        GOOD.upper(),
        GOOD.replace("00-", "01-", 1),
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        GOOD + "-more",
    ],
)
def test_a_malformed_header_starts_a_new_trace(text: str | None) -> None:
    assert parse_traceparent(text) is None
    assert parse_traceparent(str(child_of(parse_traceparent(text)))) is not None


def test_a_child_stays_in_the_trace() -> None:
    with trace({"traceparent": GOOD}) as span:
        assert span.trace_id == "0af7651916cd43dd8448eb211c80319c"
        assert span.span_id != "b7ad6b7169203331"
        assert current_traceparent() == str(span)
        with trace({"traceparent": current_traceparent()}) as inner:
            assert inner.trace_id == span.trace_id
        assert current_traceparent() == str(span)


def test_an_error_is_described_by_its_place() -> None:
    try:
        int("SUBJECT-0042")
    except ValueError as error:
        text = describe(error)
    assert text.startswith("builtins.ValueError at ")
    assert "SUBJECT" not in text


def test_a_logged_error_keeps_its_text_to_itself(caplog: pytest.LogCaptureFixture) -> None:
    try:
        int("SUBJECT-0042")
    except ValueError as error:
        with caplog.at_level(logging.INFO):
            get_logger("shared.test").error("failed", exc_info=error)
    assert "failed" in caplog.text
    assert "SUBJECT" not in caplog.text


def test_logs_are_json_lines_on_stderr_and_stdout_stays_free() -> None:
    script = (
        "from shared.runtime.telemetry import configure_logging, get_logger\n"
        "import logging\n"
        "get_logger('early').warning('before configuration')\n"
        "configure_logging('INFO')\n"
        "get_logger('shared.x').info('ours', topic='t')\n"
        "logging.getLogger('library').warning('%s', 'theirs')\n"
        "get_logger('shared.x').debug('not shown')\n"
        "try:\n"
        "    int('SUBJECT-0042')\n"
        "except ValueError:\n"
        "    logging.getLogger('library').exception('theirs failed')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert result.stdout == ""
    lines = [json.loads(line) for line in result.stderr.splitlines() if line.startswith('{"')]
    assert [line["event"] for line in lines] == ["ours", "theirs", "theirs failed"]
    assert lines[2]["error"].startswith("builtins.ValueError")
    assert "SUBJECT" not in result.stderr
    assert lines[0]["topic"] == "t"
    assert lines[0]["level"] == "info"
