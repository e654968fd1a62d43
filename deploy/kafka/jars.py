"""Where the broker's Java and jars come from.

Docker is not everywhere and PyPI has no Kafka broker, but Maven Central has every jar of the real
one. They are fetched once per machine by Maven, which checks their sums, and shared by all runs.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

_POM = Path(__file__).with_name("pom.xml")
_LOWEST_JAVA = 17
_FETCH_TIMEOUT_SECONDS = 600


class KafkaUnavailable(RuntimeError):
    """The broker cannot run here; the message says what to do about it."""


def kafka_version() -> str:
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", _POM.read_text("utf-8"))
    if found is None:
        raise KafkaUnavailable(f"{_POM.name} has no <kafka.version>; put it back")
    return found[1]


def jar_folder() -> Path:
    """``$VIGIL_KAFKA_HOME``, or a folder of this version under ``~/.cache/vigil``."""
    chosen = os.environ.get("VIGIL_KAFKA_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path.home() / ".cache" / "vigil" / f"kafka-{kafka_version()}"


def java() -> str:
    """The ``java`` to run, from ``$JAVA_HOME`` or ``PATH``, new enough for Kafka 4."""
    home = os.environ.get("JAVA_HOME")
    command = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if command is None:
        where = "in $JAVA_HOME/bin" if home else "on PATH"
        raise KafkaUnavailable(f"no java {where}: install Java {_LOWEST_JAVA} or later")
    version = _java_version(command)
    if version < _LOWEST_JAVA:
        raise KafkaUnavailable(
            f"java is version {version}, Kafka needs {_LOWEST_JAVA} or later: "
            "install one and point JAVA_HOME at it"
        )
    return command


def _java_version(command: str) -> int:
    said = subprocess.run(
        [command, "-version"], capture_output=True, text=True, timeout=30, check=False
    ).stderr
    # Java 8 calls itself 1.8: a leading 1 is old in either reading.
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def why_unavailable() -> str | None:
    """What this machine lacks to run the broker, in one line; None if it lacks nothing."""
    try:
        java()
        if not _has_jars(jar_folder()):
            _maven()
    except KafkaUnavailable as lacking:
        return str(lacking)
    return None


def _maven() -> str:
    command = shutil.which("mvn")
    if command is None:
        raise KafkaUnavailable(
            "no mvn on PATH: install Maven, or point VIGIL_KAFKA_HOME at a folder of Kafka jars"
        )
    return command


def _has_jars(folder: Path) -> bool:
    return any(folder.glob("kafka_2.13-*.jar"))


def fetch_jars() -> Path:
    """The folder of jars, fetched first if it is not there yet.

    Safe for concurrent callers: one fetches behind a lock, into a folder that gets its final name
    only when complete, so a killed fetch leaves nothing that looks usable.
    """
    folder = jar_folder()
    if _has_jars(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _has_jars(folder):
            _fetch_into(folder)
    return folder


def _fetch_into(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.partial-") as work:
        fetched = Path(work) / "jars"
        _run_maven(fetched)
        try:
            fetched.rename(folder)
        except OSError as error:
            raise KafkaUnavailable(
                f"{folder} exists but holds no Kafka: remove it, or set VIGIL_KAFKA_HOME elsewhere"
            ) from error


def _run_maven(destination: Path) -> None:
    command = [_maven(), "--batch-mode", "--quiet", "--file", str(_POM)]
    command += ["dependency:copy-dependencies", f"-DoutputDirectory={destination}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_FETCH_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise KafkaUnavailable(
            f"Maven took over {_FETCH_TIMEOUT_SECONDS} s: check the network and its settings"
        ) from late
    if done.returncode != 0 or not _has_jars(destination):
        said = "\n".join((done.stdout + done.stderr).splitlines()[:20])
        raise KafkaUnavailable(
            "Maven could not fetch the Kafka jars; check the network and Maven's settings. "
            f"It said:\n{said}"
        )
