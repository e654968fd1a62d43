"""JSON Schemas of the contract, generated from the models and committed under ``schemas/``.

``python -m shared.contracts.schemas`` writes them; ``--check`` fails where the committed files
have drifted from the models.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Event, Fact
from shared.contracts.facts import KINDS
from shared.contracts.graded import GradedResult
from shared.contracts.receipts import DeliveryReceipt, IngestReceipt, LineResult
from shared.contracts.signals import Signal

FOLDER = Path(__file__).with_name("schemas")

_OTHERS: dict[str, type[BaseModel]] = {
    "vigil.assessment.v1": Assessment,
    "vigil.envelope.v1": Event,
    "vigil.fact.v1": Fact,
    "vigil.graded.v1": GradedResult,
    "vigil.ingest_receipt.v1": IngestReceipt,
    "vigil.line_result.v1": LineResult,
    "vigil.receipt.v1": DeliveryReceipt,
    "vigil.signal.v1": Signal,
}


def schema_names() -> tuple[str, ...]:
    """Every published schema, by type."""
    return tuple(sorted([*_OTHERS, *(f"vigil.{kind}.v1" for kind in KINDS)]))


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema of one type; KeyError where the contract has no such type.

    For a record kind it is the schema of ``data``; the envelope has its own.
    """
    model = _OTHERS[name] if name in _OTHERS else KINDS[name.split(".")[1]]
    schema = model.model_json_schema()
    if name not in _OTHERS:
        schema["patternProperties"] = {"^[A-Z][A-Z0-9_]*$": {}}
        schema["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": name, **schema}


def _text(name: str) -> str:
    return json.dumps(schema_of(name), indent=1, sort_keys=True) + "\n"


def drift(folder: Path = FOLDER) -> list[str]:
    """Names whose committed file is missing, outdated or no longer generated."""
    expected = {f"{name}.json": _text(name) for name in schema_names()}
    present = {path.name: path.read_text() for path in folder.glob("*.json")}
    return sorted(name for name in expected | present if expected.get(name) != present.get(name))


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Write the schemas, or with ``--check`` say which have drifted (exit code 1)."""
    if "--check" in arguments:
        changed = drift(folder)
        for name in changed:
            sys.stderr.write(f"schema drifted: {name}; run python -m shared.contracts.schemas\n")
        return 1 if changed else 0
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        path.unlink()
    for name in schema_names():
        (folder / f"{name}.json").write_text(_text(name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
