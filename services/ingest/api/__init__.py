"""The addresses under ``/ingest/v1``."""

from collections.abc import Sequence

from fastapi import APIRouter

from services.ingest.api import events, keys, protocols, receipts, schemas
from services.ingest.api.parts import Parts


def routers(parts: Parts) -> Sequence[APIRouter]:
    """Every router of the service."""
    return [module.router(parts) for module in (events, receipts, protocols, keys, schemas)]
