"""The password once more before a person's act: for this body, in this session, once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from services.ingest.api.parts import PREFIX, Body, Parts
from services.ingest.api.sessions import Login, Secret, with_session
from services.ingest.intake.items import Candidate, Item
from shared.contracts.envelope import Event
from shared.contracts.facts import PERSONS_ACTS
from shared.runtime.auth import AnyKey, Grant, Principal
from shared.runtime.sessions import Confirmer, body_digest
from shared.runtime.web import Problem, api_router

HEADER = "Vigil-Confirmation"


class Wanted(Body):
    """The password of the session's account, or with `login` that of a second person;
    `body_sha256` in hexadecimal, of the request body that is going to be sent."""

    password: Secret
    body_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    login: Login | None = None


class Confirmed(Body):
    """The token for the header ``Vigil-Confirmation``; several are separated by commas."""

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
    parts: Parts, principal: Principal, items: Sequence[Item], body: bytes, header: str | None
) -> Sequence[Item]:
    """Uses up what confirms the acts among the items, where a person with a session sends them.

    Gives the items with the second person's name on each decision that has one, as the sender's
    is. Raises Problem 403 where a confirmation is missing, or the second person's for an override.
    """
    events = [item.event for item in items if isinstance(item, Candidate)]
    acts = [event for event in events if event.kind in PERSONS_ACTS]
    if principal.account is None or not acts:
        return items
    people = take(parts, principal, body, header, {(act.studyid, act.kind) for act in acts})
    return [_countersigned(item, principal, people) for item in items]


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


def _countersigned(item: Item, principal: Principal, people: Sequence[Confirmer]) -> Item:
    if not isinstance(item, Candidate) or item.event.kind != "decision":
        return item
    event, data = item.event, item.event.data
    if event.op == "delete":
        return item
    second = next((one for one in people if _is_second(one, principal, event)), None)
    named = data.get("countersigned_by")
    if second is None and (named is not None or data.get("override_reason") is not None):
        raise _second_person_required()
    if second is None:
        return item
    if named not in (None, second.login, second.name):
        raise _second_person_required()
    signed = event.model_copy(update={"data": {**data, "countersigned_by": second.name}})
    return replace(item, event=signed)


def _is_second(person: Confirmer, principal: Principal, act: Event) -> bool:
    return (
        person.account_id != principal.account
        and Grant(act.studyid, "committee_member") in person.grants
    )


def _second_person_required() -> Problem:
    return Problem(
        403,
        "second-person-required",
        "An override needs a second committee member",
        "who gives login and password for the same record",
    )
