"""The protocol document's JSON Schema, so that an editor completes and checks it while one writes.

An editor's check is a first one: what a version of CTCAE has, and what one section says about
another, is checked by loading the document.
"""

from __future__ import annotations

from typing import Any

from shared.clinical.ctcae import versions
from shared.clinical.ctcae.terms import terms
from shared.clinical.protocol import Protocol


def document_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the document; terms are those of any CTCAE version."""
    schema = Protocol.model_json_schema(by_alias=True, mode="validation")
    names = sorted({term.name for version in versions() for term in terms(version)})
    schema["$defs"]["Term"] = {"title": "CTCAE term", "enum": names}
    for part in schema["$defs"].values():
        for name in ("terms", "also", "without"):
            if name in part.get("properties", {}):
                part["properties"][name]["items"] = {"$ref": "#/$defs/Term"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "vigil.protocol_document.v1",
        **schema,
    }
