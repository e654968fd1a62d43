"""Protocol documents: checked before they become a fact, with the line of everything to mend."""

import secrets

from services.ingest.intake.items import Candidate
from shared.clinical import DocumentError, load_protocol
from shared.contracts.envelope import body_hash, canonical, read_event
from shared.contracts.facts import Protocol
from shared.contracts.reader import FieldProblem, Refused

SOURCE = "urn:vigil:protocol"
RECORD_ID = "protocol"


def faults(record: Protocol) -> tuple[FieldProblem, ...]:
    """What is wrong with a protocol record, the document's own faults with their lines."""
    at = "/data/document"
    try:
        protocol = load_protocol(record.document)
    except DocumentError as error:
        return tuple(FieldProblem(at, "protocol", str(finding)) for finding in error.findings)
    problems = []
    if protocol.study != record.STUDYID:
        problems.append(FieldProblem(at, "other-study", "the document is of another study"))
    if protocol.version != record.version:
        detail = "differs from the version in the document"
        problems.append(FieldProblem("/data/version", "differs", detail))
    return tuple(problems)


def version_of(text: str, study: str) -> str:
    """The version a document gives itself. Raises Refused unless it is a protocol of the study."""
    try:
        protocol = load_protocol(text)
    except DocumentError as error:
        raise Refused(
            FieldProblem("", "protocol", str(finding)) for finding in error.findings
        ) from None
    if protocol.study != study:
        raise Refused([FieldProblem("", "other-study", "the document is of another study")])
    return protocol.version


def next_version(
    text: str, *, study: str, version: str, revision: int, actor: str, time: str
) -> Candidate:
    """The event a checked document becomes. Raises Refused where the contract does not take it."""
    document = {
        "specversion": "1.0",
        "id": f"protocol-{revision}-{secrets.token_hex(8)}",
        "source": SOURCE,
        "type": "vigil.protocol.v1",
        "time": time,
        "subject": study,
        "studyid": study,
        "recordid": RECORD_ID,
        "revision": revision,
        "actor": actor,
        "data": {"STUDYID": study, "version": version, "document": text},
    }
    event, _ = read_event(document)
    return Candidate(event, body_hash(document), canonical(document).encode())
