"""Charts of the pages as parts of the packet, with their tables."""

from __future__ import annotations

from collections.abc import Iterator

from shared.charts.blocks import Block, Chart, Text


def drawn(chart: Chart) -> Block:
    """The chart, or in words that there is nothing to draw."""
    return Text(f"{chart.title}: {chart.alt}") if chart.spec is None else chart


def with_table(chart: Chart) -> Iterator[Block]:
    """The chart, and its numbers with what is not drawn."""
    yield drawn(chart)
    if chart.spec is not None:
        yield chart.table
