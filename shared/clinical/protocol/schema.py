"""The protocol document's JSON Schema, so that an editor completes and checks it while one writes.

An editor's check is a first one: names, terms and grades are checked by loading the document.
"""

from __future__ import annotations

from typing import Any

from shared.clinical.protocol import Protocol


def document_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "vigil.protocol_document.v1",
        **Protocol.model_json_schema(by_alias=True, mode="validation"),
    }
