"""Who may send what: each kind of record has one role, and people's acts carry their names."""

from shared.contracts.envelope import Event
from shared.contracts.facts import KINDS, PERSONS_ACTS
from shared.contracts.reader import FieldProblem
from shared.runtime.auth import Principal, Role

ROLE_OF_ACT: dict[str, Role] = {
    "dlt_review": "medical_monitor",
    "decision": "committee_member",
    "protocol": "study_admin",
}

ROLE_OF_KIND: dict[str, Role] = {
    kind: ROLE_OF_ACT[kind] if kind in PERSONS_ACTS else "edc_source" for kind in KINDS
}
"""A new kind of person's act without a role here fails at import: nothing is allowed by default."""

SENDERS: tuple[Role, ...] = ("edc_source", "medical_monitor", "committee_member", "study_admin")


def own_study(principal: Principal, study: object) -> bool:
    """True if the key has any role in the study; a study of others must look like none at all."""
    return isinstance(study, str) and bool(principal.roles_in(study))


def forbidden(principal: Principal, event: Event) -> FieldProblem | None:
    """Why the sender may not send this event of an own study, or None."""
    role = ROLE_OF_KIND[event.kind]
    if role not in principal.roles_in(event.studyid):
        return FieldProblem("/type", "role-required", f"this type needs the role {role}")
    if event.kind not in PERSONS_ACTS:
        if principal.source is not None and event.source != principal.source:
            return FieldProblem("/source", "source-not-yours", "the key is bound to another source")
        return None
    if event.actor is not None and event.actor != principal.name:
        return FieldProblem("/actor", "not-you", "a person's act is signed by the key's own name")
    return None


def signed(principal: Principal, event: Event) -> Event:
    """The event with the credential's name as its actor, where it is a person's act."""
    if event.kind not in PERSONS_ACTS:
        return event
    return event.model_copy(update={"actor": principal.name})
