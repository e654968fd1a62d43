"""The messages a worker could not handle, over HTTP: which wait and why, and trying one again."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import Engine

from shared.runtime import outbox
from shared.runtime.auth import require
from shared.runtime.web import Problem
from shared.runtime.worker import Worker


def parked_routes(router: APIRouter, engine: Engine, worker: Worker) -> None:
    """Both routes, for the messages of the worker's group."""

    @router.get("/studies/{study}/parked", dependencies=[require("study_admin", "auditor")])
    def parked(study: str) -> dict[str, Any]:
        """Messages that could not be applied: why, not what is in them."""
        with engine.connect() as conn:
            waiting = outbox.parked(conn, worker.group, study=study)
        return {
            "parked": [
                {
                    "id": row.id,
                    "topic": row.message.topic,
                    "reason": row.reason,
                    "error_class": row.error_class,
                    "parked_at": row.parked_at,
                }
                for row in waiting
            ]
        }

    @router.post("/studies/{study}/parked/{number}/replay", dependencies=[require("study_admin")])
    def replay(study: str, number: int) -> dict[str, Any]:
        """Try a parked message again, after the cause has been mended."""
        with engine.connect() as conn:
            waiting = outbox.parked_by_id(conn, worker.group, [number])
        if not waiting or waiting[0].message.key != study:
            raise Problem(404, "not-found", "Not Found")
        if not worker.replay_parked([number]):
            raise Problem(
                409, "still-parked", "The message still cannot be applied", waiting[0].reason
            )
        return {"replayed": number}
