"""What a machine lacks is said in one line, and the jars are fetched once however many ask."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.kafka.jars import KafkaUnavailable, fetch_jars, why_unavailable
from deploy.kafka.layout import new_layout, server_properties

FAKE_MAVEN = """#!/bin/sh
echo called >> "$(dirname "$0")/calls"
for argument; do
  case "$argument" in -DoutputDirectory=*) folder="${argument#*=}";; esac
done
mkdir -p "$folder" && touch "$folder/kafka_2.13-4.3.1.jar"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is searched first, on a machine with no Java and no jars."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("VIGIL_KAFKA_HOME", str(tmp_path / "cache" / "jars"))
    return programs


def install(machine: Path, name: str, script: str) -> None:
    program = machine / name
    program.write_text(script)
    program.chmod(0o755)


def java_saying(version: str) -> str:
    return f"#!/bin/sh\necho 'openjdk version \"{version}\" 2021-01-01' >&2\n"


def test_a_machine_without_java_says_so(machine: Path) -> None:
    assert why_unavailable() == "no java on PATH: install Java 17 or later"


@pytest.mark.parametrize(
    ("version", "enough"),
    [("1.8.0_392", False), ("16.0.2", False), ("17", True), ("17.0.15", True), ("18.0.1", True)],
)
def test_java_must_be_17_or_later(machine: Path, version: str, enough: bool) -> None:
    install(machine, "java", java_saying(version))
    install(machine, "mvn", FAKE_MAVEN)
    assert (why_unavailable() is None) == enough


def test_maven_is_needed_only_while_there_are_no_jars(machine: Path, tmp_path: Path) -> None:
    install(machine, "java", java_saying("17.0.1"))
    assert str(why_unavailable()).startswith("no mvn on PATH")
    jars = tmp_path / "cache" / "jars"
    jars.mkdir(parents=True)
    (jars / "kafka_2.13-4.3.1.jar").touch()
    assert why_unavailable() is None


def test_many_callers_fetch_once(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(machine, "mvn", FAKE_MAVEN)
    monkeypatch.setenv("PATH", f"{machine}{os.pathsep}{os.defpath}")
    with ThreadPoolExecutor(4) as callers:
        folders = {asked.result() for asked in [callers.submit(fetch_jars) for _ in range(4)]}
    assert [len(list(folder.iterdir())) for folder in folders] == [1]
    assert (machine / "calls").read_text() == "called\n"


def test_a_failed_fetch_leaves_nothing_and_says_what_maven_said(
    machine: Path, tmp_path: Path
) -> None:
    install(machine, "mvn", "#!/bin/sh\necho 'Unknown host'\nexit 1\n")
    with pytest.raises(KafkaUnavailable, match="Unknown host"):
        fetch_jars()
    assert [left.name for left in (tmp_path / "cache").iterdir()] == ["jars.lock"]


@pytest.mark.parametrize(("brokers", "in_sync"), [(1, 1), (2, 1), (3, 2), (4, 2)])
def test_replication_survives_one_loss_from_three_brokers_on(brokers: int, in_sync: int) -> None:
    layout = new_layout(brokers, first_port=None)
    settings = server_properties(layout, layout.nodes[0], sasl=None)
    assert f"\nmin.insync.replicas={in_sync}\n" in settings
    assert f"\ndefault.replication.factor={min(3, brokers)}\n" in settings


def test_no_two_listeners_share_a_port() -> None:
    nodes = new_layout(3, first_port=None).nodes
    ports = [
        port for node in nodes for port in (node.client_port, node.controller_port, node.sasl_port)
    ]
    assert len(set(ports)) == 9


@pytest.mark.parametrize("password", ['a"b', "a\\b", "a\nb", "é", ""])
def test_a_password_that_would_need_escaping_is_refused(password: str) -> None:
    layout = new_layout(1, first_port=None)
    with pytest.raises(ValueError, match="printable ASCII"):
        server_properties(layout, layout.nodes[0], ("vigil", password))
