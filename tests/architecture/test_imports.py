"""Import rules finer than import-linter's: allow-lists for the core, and no clock in it."""

import ast
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import imported_modules, python_files, tree

# What the standard library offers and the core must not take: I/O, clocks, logging, threads.
_IMPURE = {
    "asyncio", "concurrent", "ctypes", "ftplib", "getpass", "http", "logging", "multiprocessing",
    "select", "selectors", "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl",
    "subprocess", "tempfile", "threading", "time", "urllib", "webbrowser",
}  # fmt: skip
_ALLOWED = {
    "shared/contracts": {"pydantic", "pydantic_core", "shared.contracts"},
    "shared/clinical": {
        "pydantic",
        "pydantic_core",
        "yaml",
        "shared.contracts",
        "shared.clinical",
        "shared.document",
    },
}
# An extra, imported when thousands of trials are simulated and never by a service.
_EXTRA = {(Path("shared/clinical/designs/vectorised.py"), "numpy")}
_CLOCKS = {"now", "today", "utcnow"}


def test_exactly_one_module_imports_kafka() -> None:
    importers = {
        path
        for path in python_files("shared", "services")
        if any(name.split(".")[0] == "kafka" for name in imported_modules(path))
    }
    assert importers == {Path("shared/runtime/kafka_bus.py")}


def _is_allowed(module: str, allowed: set[str]) -> bool:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return top not in _IMPURE
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


@pytest.mark.parametrize("package", _ALLOWED)
def test_the_core_imports_only_what_it_may(package: str) -> None:
    modules = python_files(package)
    assert modules
    allowed = _ALLOWED[package]
    outside = [
        f"{path}: {module}"
        for path in modules
        for module in imported_modules(path)
        if not _is_allowed(module, allowed)
        # `from shared import clinical` yields both names; the second one is judged.
        and module != "shared"
        and (path, module.partition(".")[0]) not in _EXTRA
    ]
    assert not outside, "\n".join(outside)


@pytest.mark.parametrize("package", _ALLOWED)
def test_the_core_reads_no_clock(package: str) -> None:
    reading = [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path in python_files(package)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _CLOCKS
        and isinstance(node.func.value, ast.Name | ast.Attribute)
        and ast.unparse(node.func.value).split(".")[-1] in {"date", "datetime"}
    ]
    assert not reading, "the time is an argument:\n" + "\n".join(reading)
