"""The password once more before a person's act: for this body, in this session, once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.ingest.api.parts import PREFIX, Parts
from services.ingest.api.sessions import Login, Secret, with_session
from services.ingest.intake.items import Candidate, Item
from shared.contracts.envelope import Event
from shared.contracts.facts import PERSONS_ACTS
from shared.runtime.auth import AnyKey, Principal
from shared.runtime.sessions import Confirmer, body_digest
from shared.runtime.web import Problem, api_router

HEADER = "Vigil-Confirmation"


class Wanted(BaseModel):
    """The password of the session's account, or with `login` that of a second person;
    `body_sha256` in hexadecimal, of the request body that is going to be sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    password: Secret
    body_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    login: Login | None = None


class Confirmed(BaseModel):
    """The token for the header ``Vigil-Confirmation``; several are separated by commas."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: str = Field(repr=False)
    login: str
    name: str
    ends_at: datetime


def router(parts: Parts) -> APIRouter:
    """``POST /confirmations``."""
    router = api_router(PREFIX, tags=["sessions"])

    @router.post("/confirmations", status_code=201)
    def confirm(wanted: Wanted, principal: AnyKey) -> Confirmed:
        """A confirmation that is good for two minutes."""
        made = parts.sessions.confirm(
            with_session(principal),
            wanted.password,
            bytes.fromhex(wanted.body_sha256),
            wanted.login,
        )
        return Confirmed(token=made.token, login=made.login, name=made.name, ends_at=made.ends_at)

    return router


def take_for_events(
    parts: Parts, principal: Principal, items: Iterable[Item], body: bytes, header: str | None
) -> None:
    """Uses up what confirms the acts among the items, where a person with a session sends them.

    Raises Problem 403 where a confirmation is missing, or the second person's for an override.
    """
    events = [item.event for item in items if isinstance(item, Candidate)]
    acts = [event for event in events if event.kind in PERSONS_ACTS]
    if principal.account is None or not acts:
        return
    people = take(parts, principal, body, header, {(act.studyid, act.kind) for act in acts})
    for act in acts:
        if act.data.get("override_reason") is not None and not _countersigned(
            act, principal, people
        ):
            raise Problem(
                403,
                "second-person-required",
                "An override needs a second committee member",
                "who gives login and password for the same record",
            )


def take(
    parts: Parts,
    principal: Principal,
    body: bytes,
    header: str | None,
    acts: set[tuple[str, str]],
) -> Sequence[Confirmer]:
    """Uses up the confirmations in the header, for acts given as study and kind."""
    tokens = [token.strip() for token in (header or "").split(",") if token.strip()]
    people = parts.sessions.take(principal, tokens, body_digest(body))
    parts.sessions.note_act(principal, people, acts)
    return people


def _countersigned(act: Event, principal: Principal, people: Sequence[Confirmer]) -> bool:
    return any(
        person.account_id != principal.account
        and any(g.study == act.studyid and g.role == "committee_member" for g in person.grants)
        for person in people
    )
