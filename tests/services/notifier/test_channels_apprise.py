"""Targets are the operator's; what the service says is an outcome."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.sink import HttpSink
from services.notifier.channels import Outgoing
from services.notifier.channels.apprise import AppriseSender, read_targets
from services.notifier.settings import NotifierSettings
from shared.runtime.settings import SettingsError

# apprise's own import; it does without the module where Python has none.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def _message(target: str) -> Outgoing:
    return Outgoing(
        id="0123abcd",
        address=target,
        subject="Vigil: urgent safety signal, study TRIAL-1",
        text="Open: https://vigil.example.org/alerts/a1",
        event="vigil.alert.raised",
        data={},
        study="TRIAL-1",
        urgent=True,
    )


def _target(receiver: HttpSink) -> dict[str, str]:
    return {"team-chat": receiver.url.replace("http://", "json://")}


def test_a_message_reaches_the_service(receiver: HttpSink) -> None:
    outcome = AppriseSender(_target(receiver)).send(_message("team-chat"))
    assert (outcome.delivered, outcome.answer) == (True, "taken by the service")
    ((_, body),) = receiver.requests
    said = json.loads(body)
    assert said["title"] == _message("").subject
    assert said["message"] == _message("").text


def test_a_service_that_refuses_is_an_outcome(receiver: HttpSink) -> None:
    receiver.answers.append((403, {}, b"no"))
    outcome = AppriseSender(_target(receiver)).send(_message("team-chat"))
    assert (outcome.delivered, outcome.answer) == (False, "the service refused it")


def test_a_target_nobody_configured_is_an_outcome() -> None:
    outcome = AppriseSender({"a": "nonsense"}).send(_message("b"))
    assert "no target of this name" in outcome.answer
    unknown = AppriseSender({"a": "nonsense"}).send(_message("a"))
    assert "none that apprise knows" in unknown.answer


def test_targets_are_read_from_the_operators_file(tmp_path: Path) -> None:
    file = tmp_path / "targets.yaml"
    file.write_text("team-chat: slack://TokenA/TokenB/TokenC\n", "utf-8")
    settings = NotifierSettings.from_env({"VIGIL_APPRISE_FILE": str(file)})
    assert settings.apprise_targets == {"team-chat": "slack://TokenA/TokenB/TokenC"}
    assert "Token" not in repr(settings)
    assert NotifierSettings.from_env({}).apprise_targets == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("team-chat: a\nteam-chat: slack://Token\n", "line 2"),
        ("- slack://Token\n", "no mapping"),
        ("team-chat: [slack://Token]\n", "no mapping"),
    ],
)
def test_a_faulty_file_is_refused_without_echo(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "targets.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=problem) as refused:
        read_targets(file)
    assert "Token" not in str(refused.value)
    with pytest.raises(SettingsError, match="VIGIL_APPRISE_FILE"):
        NotifierSettings.from_env({"VIGIL_APPRISE_FILE": str(tmp_path / "missing")})
