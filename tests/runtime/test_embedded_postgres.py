"""The embedded PostgreSQL: it keeps what it confirmed and outlives nobody, however they die."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from shared.runtime.db import create_engine
from shared.runtime.embedded_postgres import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    running_url,
)
from tests.runtime.bus_contract import wait_for

as_root = pytest.mark.usefixtures("_root")


@pytest.fixture
def _root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root starts the server as somebody else")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's unprivileged user can reach."""
    parent = Path(tempfile.mkdtemp(prefix="vigil-embedded-"))
    parent.chmod(0o755)
    yield parent / "postgres"
    shutil.rmtree(parent, ignore_errors=True)


def run(url: str, statement: str) -> object:
    engine = create_engine(url, application_name="test")
    try:
        with engine.begin() as conn:
            result = conn.execute(sa.text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        engine.dispose()


def owner(folder: Path) -> "subprocess.Popen[bytes]":
    """A process that owns the cluster, has committed one row and waits."""
    script = """
        import sys
        from pathlib import Path
        from sqlalchemy import text
        from shared.runtime.db import create_engine
        from shared.runtime.embedded_postgres import EmbeddedPostgres
        server = EmbeddedPostgres(Path(sys.argv[1]))
        with create_engine(server.start(), application_name="owner").begin() as conn:
            conn.execute(text("CREATE TABLE kept AS SELECT 42 AS answer"))
        print("committed", flush=True)
        sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"committed\n"
    return process


def postmaster(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))


def ended(process: psutil.Process) -> bool:
    """Gone, or dead and only not yet collected by the machine's first process."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


def test_data_survive_a_restart_and_durability_is_not_traded(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        run(server.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
    assert running_url(folder) is None
    with EmbeddedPostgres(folder) as server:
        assert run(server.url(), "SELECT answer FROM kept") == 42
        assert run(server.url(), "SHOW fsync") == "on"
        assert run(server.url(), "SHOW synchronous_commit") == "on"
        assert run(server.url(), "SHOW listen_addresses") == ""


def test_the_server_ends_with_its_killed_owner_and_keeps_the_data(folder: Path) -> None:
    process = owner(folder)
    server = postmaster(folder)
    kill(process)
    wait_for(lambda: ended(server))
    with EmbeddedPostgres(folder) as restarted:
        assert run(restarted.url(), "SELECT answer FROM kept") == 42


def test_a_start_right_after_the_kill_waits_for_the_old_server(folder: Path) -> None:
    process = owner(folder)
    server = postmaster(folder)
    kill(process)
    with EmbeddedPostgres(folder) as restarted:
        assert ended(server)
        assert run(restarted.url(), "SELECT answer FROM kept") == 42


def test_a_server_without_owner_and_guardian_is_replaced(folder: Path) -> None:
    process = owner(folder)
    [guardian] = psutil.Process(process.pid).children()
    guardian.kill()
    kill(process)
    left_behind = postmaster(folder)
    assert not ended(left_behind)
    with EmbeddedPostgres(folder) as restarted:
        assert ended(left_behind)
        assert run(restarted.url(), "SELECT answer FROM kept") == 42


def test_a_crash_of_the_server_itself_loses_nothing_committed(folder: Path) -> None:
    process = owner(folder)
    os.kill(postmaster(folder).pid, signal.SIGKILL)
    kill(process)
    with EmbeddedPostgres(folder) as restarted:
        assert run(restarted.url(), "SELECT answer FROM kept") == 42


def test_one_owner_at_a_time_but_others_may_connect(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        with pytest.raises(EmbeddedPostgresError, match="VIGIL_DATA_DIR"):
            EmbeddedPostgres(folder).start(timeout=0.1)
        url = running_url(folder)
        assert url == server.url()
        assert run(url, "SELECT 1") == 1


def test_only_the_owner_gets_in(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        url = make_url(server.url())
        socket_folder = Path(str(url.query["host"]))
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
        wrong = url.set(password="guess").render_as_string(hide_password=False)
        with pytest.raises(sa.exc.OperationalError, match="password authentication failed"):
            run(wrong, "SELECT 1")


def test_a_folder_with_other_files_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.docx").write_text("irreplaceable")
    mode = folder.stat().st_mode
    with pytest.raises(EmbeddedPostgresError, match="folder of its own"):
        EmbeddedPostgres(folder).start()
    assert folder.stat().st_mode == mode


def test_a_path_too_long_for_a_socket_works(folder: Path) -> None:
    deep = folder / ("x" * 60) / ("y" * 60)
    with EmbeddedPostgres(deep) as server:
        socket_folder = Path(str(make_url(server.url()).query["host"]))
        assert run(server.url(), "SELECT 1") == 1
    assert not socket_folder.exists()


@as_root
def test_root_starts_it_as_somebody_else(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        assert postmaster(folder).uids().real != 0


@as_root
def test_no_parent_folder_is_opened_for_it() -> None:
    closed = Path(tempfile.mkdtemp(prefix="vigil-closed-"))
    asked = closed / "inner" / "postgres"
    asked.parent.mkdir(mode=0o700)
    before = {parent: parent.stat().st_mode for parent in asked.parents}
    server = EmbeddedPostgres(asked)
    try:
        with server:
            assert run(server.url(), "SELECT 1") == 1
            assert not server.home.is_relative_to(closed)
            assert running_url(asked) == server.url()
        assert {parent: parent.stat().st_mode for parent in asked.parents} == before
    finally:
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(closed, ignore_errors=True)
