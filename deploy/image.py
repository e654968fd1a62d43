"""Choose what one image contains: the shared packages, the command line and one service.

A service that cannot reach another's code cannot come to depend on it. Standard library only: this
runs inside the image build, before anything is installed.

    python deploy/image.py SERVICE DESTINATION

SERVICE `migrate` stands for the job that brings the schemas up to date: every migration history
and no service's code.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

MIGRATE = "migrate"
_ROOT = Path(__file__).resolve().parent.parent
_NOT_SERVICES = {"cli", "embedded"}


def services() -> list[str]:
    """The services there are, by the folder they live in."""
    folders = (_ROOT / "services").iterdir()
    return sorted(
        folder.name
        for folder in folders
        if folder.name not in _NOT_SERVICES and (folder / "app.py").is_file()
    )


def contents(service: str) -> Iterator[Path]:
    """The files of the image for `service`, relative to the checkout."""
    known = services()
    if service not in [*known, MIGRATE]:
        raise SystemExit(f"unknown service {service!r}; there are {', '.join([*known, MIGRATE])}")
    yield Path("services/__init__.py")
    yield from _files("shared")
    yield from _files("services/cli")
    if service != MIGRATE:
        yield from _files(f"services/{service}")
        return
    for name in known:
        yield Path(f"services/{name}/__init__.py")
        yield from _files(f"services/{name}/migrations")


def assemble(service: str, destination: Path) -> None:
    """Copies the files of the image for `service` into `destination`."""
    for file in contents(service):
        target = destination / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_ROOT / file, target)


def _files(folder: str) -> Iterator[Path]:
    for path in sorted((_ROOT / folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(_ROOT)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: image.py SERVICE DESTINATION")
    assemble(sys.argv[1], Path(sys.argv[2]))
