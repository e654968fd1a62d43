"""From what a chart shows of a subject to the page of that subject."""

from __future__ import annotations

from services.console.board import subject_page
from shared.charts.blocks import Table
from shared.charts.parts import short


def pages_of(table: Table, study: str, past: str | None) -> tuple[str, ...]:
    """The address of the subject's page for each row; empty where rows are about nobody."""
    known = {one: subject_page(study, one, past) for one in set(table.subjects)}
    return tuple(known[one] for one in table.subjects)


def pages_by_name(table: Table, study: str, past: str | None) -> dict[str, str]:
    """The same by the name that stands beside a mark; without names that several subjects have, for
    one of them must not be taken for another."""
    found: dict[str, set[str]] = {}
    for at, address in enumerate(pages_of(table, study, past)):
        found.setdefault(short(table.rows[at][table.named]), set()).add(address)
    return {name: min(pages) for name, pages in found.items() if len(pages) == 1}
