"""Public data sets beside the repository, for tests that skip where they are absent."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
Row = dict[str, str]


def needs(*parts: str) -> Path:
    """The file beside the repository; the test is skipped where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} is not beside the repository")
    return path


def rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV, gzipped or not, or of a Dataset-JSON 1.1 file; empty where null."""
    if path.suffix == ".ndjson":
        head, *lines = path.read_text(encoding="utf-8").splitlines()
        names = [column["name"] for column in json.loads(head)["columns"]]
        for line in lines:
            yield {
                k: "" if v is None else str(v) for k, v in zip(names, json.loads(line), strict=True)
            }
        return
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    yield from csv.DictReader(io.StringIO(raw.decode("utf-8")))
