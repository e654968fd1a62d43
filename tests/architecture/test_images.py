"""What each image holds: the shared packages and one service, which starts on that alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.compose.plan import MIGRATE, load, own_services
from deploy.image import assemble, contents, services
from tests.architecture.repository import ROOT

# Vigil itself is installed here from its folder, by a finder that an image does not have.
_ISOLATED = "import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]; "
IMAGES = sorted(own_services(load()))
_FOR_ALL = {"cli", "__init__.py"}


def _run(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of Python that can import from `folder` and the installed packages only."""
    environment = {"PYTHONPATH": str(folder), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-c", _ISOLATED + program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_one_service(image: str) -> None:
    inside = [path for path in contents(image) if path.parts[0] == "services"]
    assert all((ROOT / path).is_file() for path in inside)
    code = {
        path.parts[1]
        for path in inside
        if path.name != "__init__.py" and "migrations" not in path.parts
    }
    assert code - _FOR_ALL == (set() if image == MIGRATE else {image})


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_starts_with_what_it_holds(image: str, tmp_path: Path) -> None:
    assemble(image, tmp_path)
    module = "services.cli" if image == MIGRATE else f"services.{image}.app"
    program = f"import services.cli, {module} as m; print(m.__file__)"
    done = _run(tmp_path, program)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path)


def test_the_migration_image_holds_every_history() -> None:
    histories = {path.parent.parent for path in contents(MIGRATE) if path.parent.name == "versions"}
    there = {path.relative_to(ROOT).parent for path in ROOT.glob("s*/**/migrations/versions")}
    assert histories == there


def test_another_services_code_is_not_there(tmp_path: Path) -> None:
    assemble("ingest", tmp_path)
    done = _run(tmp_path, "import services.notifier")
    assert "ModuleNotFoundError" in done.stderr


def test_an_unknown_service_has_no_image() -> None:
    with pytest.raises(SystemExit, match=r"unknown service .inject.; there are .*ingest"):
        list(contents("inject"))
    assert "cli" not in services()
