"""Would the tests notice? Applies each mutant to a copy of the sources and runs its tests.

``python -m tests.mutants [PART OF A FILE NAME]`` prints the survivors and exits 1 where there are
any that `docs/validation/mutants.md` does not explain.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis  # noqa: F401 - imported once, for every child
import pydantic  # noqa: F401
import pytest
import yaml

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("mutants.yaml")
EXPLAINED = ROOT / "docs" / "validation" / "mutants.md"
OPTIONS = (
    *("-q", "-x", "--noconftest", "-p", "no:cacheprovider"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
COPIED = ("shared", "services", "deploy", "studies", "tests", "pyproject.toml")


@dataclass(frozen=True)
class Mutant:
    """One wrong turn: in ``file``, ``find`` becomes ``replace``."""

    file: str
    find: str
    replace: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """As it is named in the list of survivors."""
        return f"{self.file}: {' '.join(self.find.split())} -> {' '.join(self.replace.split())}"


def mutants() -> Iterator[Mutant]:
    """The list, in its order."""
    for file, part in yaml.safe_load(LIST.read_text("utf-8")).items():
        for one in part["mutants"]:
            yield Mutant(file, one["find"], one["replace"], tuple(part["tests"]))


def run(copy: Path, tests: tuple[str, ...]) -> int:
    """pytest's exit code: 0 all pass, 1 a test fails. A forked child has the libraries imported
    already, and the core from the copy; it needs none of the fixtures."""
    child = os.fork()
    if child == 0:
        _become(copy)
        os._exit(int(pytest.main([*OPTIONS, *tests])))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become(copy: Path) -> None:
    os.chdir(copy)
    sys.dont_write_bytecode = True
    sys.path[:] = [str(copy), *(one for one in sys.path if Path(one or ROOT).resolve() != ROOT)]
    for name in [one for one in sys.modules if one.split(".")[0] in ("tests", "shared")]:
        del sys.modules[name]
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)


def verdict(copy: Path, mutant: Mutant) -> str:
    """killed, survived, or why it could not be tried."""
    path = copy / mutant.file
    source = path.read_text("utf-8")
    if source.count(mutant.find) != 1:
        return "not found once"
    path.write_text(source.replace(mutant.find, mutant.replace), "utf-8")
    try:
        code = run(copy, mutant.tests)
    finally:
        path.write_text(source, "utf-8")
    return {0: "survived", 1: "killed"}.get(code, f"pytest ended with {code}")


def main(part: str = "") -> int:
    """Try every mutant whose file name holds `part`."""
    chosen = [mutant for mutant in mutants() if part in mutant.file]
    explained = EXPLAINED.read_text("utf-8") if EXPLAINED.exists() else ""
    begun, found = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
        if run(copy, tuple(sorted({test for one in chosen for test in one.tests}))):
            sys.stdout.write("the tests fail without any mutant\n")
            return 2
        for mutant in chosen:
            found.append(verdict(copy, mutant))
            sys.stdout.write(f"{found[-1]:8}  {mutant.name}\n")
            sys.stdout.flush()
    killed = found.count("killed")
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{killed} of {len(chosen)} mutants killed in {seconds:.0f} s\n")
    left = [one for one, said in zip(chosen, found, strict=True) if said != "killed"]
    return 1 if any(one.name not in explained for one in left) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
