"""The written record: decisions in one form, a clinical effect stated for every version."""

import os
import re
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, files, python_files, text

_DECISIONS = Path("docs/decisions")
_INDEX = _DECISIONS / "README.md"
_PARTS = ["Context", "Decision", "Consequence"]
_SHOWN = ("docs", "deploy")
_SETTING = re.compile(r'"((?:VIGIL|KAFKA)_[A-Z_]+|SMTP_URL|DATABASE_URL)"')
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def _pages() -> list[Path]:
    return [
        path
        for path in files()
        if path.parent == _DECISIONS and path.suffix == ".md" and path != _INDEX
    ]


def test_every_decision_is_in_the_index() -> None:
    linked = set(_LINK.findall(text(_INDEX)))
    pages = {page.name for page in _pages()}
    missing = "\n".join(sorted(f"- [...]({name})" for name in pages - linked))
    assert pages <= linked, f"add to {_INDEX}:\n{missing}"
    assert linked <= pages, f"{_INDEX} links to pages that are not there: {sorted(linked - pages)}"


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.stem)
def test_a_decision_says_context_decision_and_consequence(page: Path) -> None:
    # Each as a heading, or as the first words of a paragraph.
    parts = re.findall(rf"^(?:## |\*\*)({'|'.join(_PARTS)})\b", text(page), flags=re.MULTILINE)
    assert parts == _PARTS, f"{page} has {parts}"
    assert text(page).startswith("# ")


def test_every_version_states_its_clinical_effect() -> None:
    versions = re.split(r"^## ", text(Path("CHANGELOG.md")), flags=re.MULTILINE)[1:]
    assert versions
    silent = [
        version.splitlines()[0]
        for version in versions
        if not re.search(r"^\*Clinical effect\*: \S", version, flags=re.MULTILINE)
    ]
    assert not silent, f"no line '*Clinical effect*: ...' under {silent}"


def test_relative_links_lead_somewhere() -> None:
    broken = [
        f"{path}: {target}"
        for path in files()
        if path.suffix == ".md"
        for target in _LINK.findall(text(path))
        if "://" not in target and not target.startswith("mailto:")
        if not (ROOT / path.parent / target).exists()
    ]
    assert not broken, "\n".join(broken)


def test_every_page_is_found_from_the_readme() -> None:
    pages = {path for path in files() if path.suffix == ".md" and path.parts[0] in _SHOWN}
    found = {Path("README.md")}
    for page in (queue := [*found]):
        near = {
            Path(os.path.normpath(page.parent / link))
            for link in _LINK.findall(text(page))
            if link.endswith(".md")
        }
        new = (near & pages) - found
        found |= new
        queue += new
    lost = sorted(str(path) for path in pages - found)
    assert not lost, "no link leads to:\n" + "\n".join(lost)


def test_every_setting_is_in_a_guide() -> None:
    read = {
        name for path in python_files("shared", "services") for name in _SETTING.findall(text(path))
    }
    guides = "".join(text(path) for path in files() if path.match("docs/guide/*.md"))
    silent = sorted(name for name in read if f"`{name}`" not in guides)
    assert read
    assert not silent, f"say in docs/guide/settings.md what these do: {silent}"
