"""What persons put on record, and whether it rested on the assessment that was current then."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from services.dlt_monitor.asking import READERS, Parts
from services.dlt_monitor.store import acts
from services.dlt_monitor.store.acts import Act


def act_routes(router: APIRouter, parts: Parts) -> None:
    """The list of acts."""

    @router.get("/studies/{study}/acts", dependencies=READERS)
    def all_acts(study: str) -> dict[str, Any]:
        """Every version of every review and decision, withdrawals included, oldest first.

        `cites`: `current` where the assessment it names held all that was known before it,
        `superseded` where `facts_since` came in between, `unknown` where it was never given out
        here, `nothing` for a withdrawal.
        """
        with parts.engine.connect() as conn:
            return {"acts": [_shown(one) for one in acts.all_acts(conn, study)]}


def _shown(act: Act) -> dict[str, Any]:
    fact = act.fact
    return {
        "kind": fact.kind,
        "recordid": fact.recordid,
        "revision": fact.revision,
        "withdrawn": fact.op == "delete",
        "usubjid": fact.data.get("USUBJID"),
        "criterion_id": fact.data.get("criterion_id"),
        "decision": fact.data.get("decision") or fact.data.get("action"),
        "dose_level": fact.data.get("dose_level"),
        "actor": fact.actor,
        "reason": fact.reason,
        "known_at": fact.known_at,
        "assessment_digest": act.digest,
        "cites": act.cites,
        "facts_since": act.facts_since,
    }
