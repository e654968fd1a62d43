"""The addresses under ``/ingest/v1``."""

from collections.abc import Sequence

from fastapi import APIRouter

from services.ingest.api import (
    access_log,
    accounts,
    confirmations,
    events,
    keys,
    protocols,
    provider,
    receipts,
    schemas,
    sessions,
)
from services.ingest.api.parts import Parts


def routers(parts: Parts) -> Sequence[APIRouter]:
    """Every router of the service."""
    modules = (
        events,
        receipts,
        protocols,
        keys,
        accounts,
        access_log,
        sessions,
        confirmations,
        provider,
        schemas,
    )
    return [module.router(parts) for module in modules]
