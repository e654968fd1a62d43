"""Rules for the tests themselves: none sleeps, none is switched off, none is in a hurry."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.repository import python_files, tree

# A missing broker or browser is found out, and named or failed, in one place for each.
_MAY_SKIP = re.compile(r"(^conftest|^browser|_support)\.py$")
_SLEEPS = {"time.sleep", "asyncio.sleep"}
_SKIPS = {"pytest.skip", "pytest.xfail", "pytest.importorskip"}
_MARKS = {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}
_ASKING = {
    f"httpx2.{name}" for name in ("Client", "delete", "get", "post", "put", "request", "stream")
}
# Which system and which account this is are facts and not excuses.
_FACTS = ("sys.platform ", "os.geteuid() ")


def _calls(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of every call, except in loops that go on until a condition holds."""
    if isinstance(node, ast.While):
        return
    if isinstance(node, ast.Call):
        yield node.lineno, ast.unparse(node.func)
    for child in ast.iter_child_nodes(node):
        yield from _calls(child)


def _sleeps(path: Path) -> list[str]:
    return [f"{path}:{line}: {name}" for line, name in _calls(tree(path)) if name in _SLEEPS]


def _skips(path: Path) -> list[str]:
    excused = {
        id(inner)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and ast.unparse(node.test).startswith(_FACTS)
        for inner in ast.walk(node)
    }
    return [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in _SKIPS
        and id(node) not in excused
    ]


def _marks(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in _MARKS:
            yield f"{path}:{node.lineno}: {ast.unparse(node)}"


def _platform_marks(path: Path) -> int:
    """How many marks leave out a platform."""
    return sum(
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "pytest.mark.skipif"
        and ast.unparse(node.args[0]).startswith(_FACTS)
        for node in ast.walk(tree(path))
    )


def _impatient(path: Path) -> list[str]:
    return [
        f"{path}:{node.lineno}: {ast.unparse(node.func)}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in _ASKING
        and "timeout" not in {keyword.arg for keyword in node.keywords}
    ]


def test_no_test_sleeps() -> None:
    sleeping = [place for path in python_files("tests") for place in _sleeps(path)]
    assert not sleeping, "use the manual clock or wait for a condition:\n" + "\n".join(sleeping)


def test_no_test_skips_itself() -> None:
    skipping = [
        place
        for path in python_files("tests")
        if not _MAY_SKIP.search(path.name)
        for place in _skips(path)
    ]
    assert not skipping, "\n".join(skipping)


def test_no_test_is_marked_off() -> None:
    for path in python_files("tests"):
        marks = list(_marks(path))
        assert len(marks) == _platform_marks(path), "\n".join(marks)


def test_no_client_has_the_short_limit_that_is_usual() -> None:
    """Five seconds are not enough for a machine that has much else to do."""
    impatient = [place for path in python_files("tests") for place in _impatient(path)]
    assert not impatient, "give a timeout of a minute:\n" + "\n".join(impatient)
