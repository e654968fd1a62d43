"""Folders that an embedded PostgreSQL can live in, and the seeds of this run."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

EMBEDDED_SEEDS = range(12)
KAFKA_SEEDS = range(12, 20)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own: as root, PostgreSQL's unprivileged user cannot enter that one."""
    path = Path(tempfile.mkdtemp(prefix="vigil-chaos-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One seed of each kind, or all of them with VIGIL_ALL_SEEDS=1."""
    for name, seeds in (("embedded_seed", EMBEDDED_SEEDS), ("kafka_seed", KAFKA_SEEDS)):
        if name in metafunc.fixturenames:
            every = os.environ.get("VIGIL_ALL_SEEDS") == "1"
            metafunc.parametrize(name, seeds if every else seeds[:1])
