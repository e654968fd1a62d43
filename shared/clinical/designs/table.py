"""Any decision table a statistician supplies, as data."""

from __future__ import annotations

from typing import Literal, cast

from pydantic import Field, model_validator

from shared.clinical.designs.design import register
from shared.clinical.designs.interval import IntervalDesign, Reading, Verdict

_DOWNWARDS = "ESDU"


@register
class Table(IntervalDesign):
    """A row per number evaluable, a letter per number of DLTs from 0 up: E escalate, S stay,
    D de-escalate, U de-escalate and eliminate. ``"ESDU"`` is the row for three.

    Between two rows nobody escalates: the next row, should nobody else have a DLT, says whether
    to go down already. Beyond the last row its letters for D and U go on to hold.
    ``target`` is for the MTD only.

    >>> design = Table(target=0.3, rows=("ESDU", "EESDUUU"))
    >>> design.verdict(3, 1), design.verdict(5, 3), design.verdict(5, 0)
    ('S', 'D', 'S')
    """

    kind: Literal["table"] = "table"
    rows: tuple[str, ...] = Field(strict=False, min_length=1)
    citation: str = ""

    @model_validator(mode="after")
    def _readable(self) -> Table:
        sizes = [len(row) for row in self.rows]
        if sizes != sorted(set(sizes)) or sizes[0] < 2:
            raise ValueError("rows: one row per number evaluable, in rising order")
        for row in self.rows:
            steps = [_DOWNWARDS.find(letter) for letter in row]
            if -1 in steps:
                raise ValueError(f"rows: {row} has letters other than E, S, D, U")
            if steps != sorted(steps):
                raise ValueError(f"rows: in {row} more DLTs lead higher")
        return self

    def read(self, n: int, dlt: int) -> Reading:
        exact = next((row for row in self.rows if len(row) == n + 1), None)
        if exact is not None:
            return Reading(self._letter(n, dlt), f"the table's row for {n} with {dlt} DLTs")
        row = self._near(n)
        text = f"the table has no row for {n}; its row for {len(row) - 1} with {dlt} DLTs"
        return Reading(self._letter(n, dlt), text)

    def eliminates(self, n: int, dlt: int, lowest: bool = False) -> bool:  # noqa: ARG002
        return n > 0 and self._letter(n, dlt) == "U"

    def why_eliminated(self, n: int, dlt: int, lowest: bool) -> Reading:  # noqa: ARG002
        return self.read(n, dlt)

    def cited(self) -> str:
        return self.citation

    def _near(self, n: int) -> str:
        """The row for n, else the next one, else the last."""
        return next((row for row in self.rows if len(row) > n), self.rows[-1])

    def _letter(self, n: int, dlt: int) -> Verdict:
        row = self._near(n)
        letter = row[min(dlt, len(row) - 1)]
        if letter == "E" and len(row) != n + 1:
            letter = "S"
        return cast(Verdict, letter)
