"""The contract as JSON Schema, for whoever writes a sender: public, there is nothing in it."""

from functools import cache
from typing import Any

from fastapi import APIRouter

from services.ingest.api.parts import PREFIX, Parts
from shared.contracts.schemas import schema_names, schema_of
from shared.runtime.web import Problem, api_router, public


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return {name: schema_of(name) for name in schema_names()}


def router(_parts: Parts) -> APIRouter:
    """``GET /schemas`` and ``GET /schemas/{type}``."""
    router = api_router(PREFIX, tags=["schemas"])

    @router.get("/schemas")
    @public
    def list_schemas() -> dict[str, list[str]]:
        """The types of the contract."""
        return {"types": list(_schemas())}

    @router.get("/schemas/{type}")
    @public
    def get_schema(type: str) -> dict[str, Any]:
        """The schema of one type; for a record kind, that of ``data``."""
        schema = _schemas().get(type)
        if schema is None:
            raise Problem(404, "not-found", "Not Found", "see /ingest/v1/schemas")
        return schema

    return router
