"""The repository's own files, as the architecture tests look at them.

Found by walking rather than by asking git: the tests also run in an unpacked archive.
"""

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _ignored_folders() -> frozenset[str]:
    lines = (ROOT / ".gitignore").read_text().splitlines()
    folders = {line.rstrip("/") for line in lines if line.endswith("/")}
    return frozenset(folders | {".git", ".venv"})


@cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the repository, relative to its root."""
    ignored = _ignored_folders()
    found = []
    for folder, subfolders, names in os.walk(ROOT):
        inside = Path(folder).relative_to(ROOT)
        subfolders[:] = [
            name
            for name in subfolders
            if name not in ignored
            and str(inside / name) not in ignored
            and not name.endswith(".egg-info")
        ]
        found += [inside / name for name in names if not name.endswith((".pyc", ".log"))]
    return tuple(sorted(path for path in found if path.name not in (".env", ".coverage")))


def python_files(*folders: str) -> list[Path]:
    """The Python files under the folders, relative to the root; all of them if none is named."""
    roots = folders or (".",)
    return [
        path
        for path in files()
        if path.suffix == ".py" and any(path.is_relative_to(root) for root in roots)
    ]


@cache
def text(path: Path) -> str:
    """A file's text; empty where it is not text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@cache
def tree(path: Path) -> ast.Module:
    """A Python file's syntax tree."""
    return ast.parse(text(path), filename=str(path))


def imported_modules(path: Path) -> Iterator[str]:
    """The dotted names a Python file imports, at any depth of nesting."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
