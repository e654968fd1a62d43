"""The alerts in brief are sent anew where anything in them is another, and only there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from shared.contracts.signals import SignalType
from tests.services.notifier.support import (
    OTHER,
    STUDY,
    V1,
    Raising,
    only_alert,
    set_routing,
    signal,
)

BRIEF = f"{V1}/alerts/brief?study={STUDY}"
Key = Callable[..., dict[str, str]]

ACKNOWLEDGED = (
    "INSERT INTO notifier.acknowledgement (alert, key_id, name, role, version, at)"
    " SELECT id, 'somebody', 'Dr Who', 'medical_monitor', 1, raised_at FROM notifier.alert"
)
CHANGES = (
    "UPDATE notifier.alert SET id = id || 'a'",
    "UPDATE notifier.alert SET version = version + 1",
    "UPDATE notifier.alert SET state = 'closed'",
    "UPDATE notifier.alert SET asks = NOT asks",
    "UPDATE notifier.alert SET raised_at = raised_at + interval '1 microsecond'",
    "UPDATE notifier.alert SET warnings = '[\"nobody\"]'",
    "UPDATE notifier.alert SET signal_id = signal_id || 'a'",
    "UPDATE notifier.alert SET severity = 'critical'",
    "DELETE FROM notifier.alert",
    ACKNOWLEDGED,
)


def _change(engine: Engine, statement: str) -> None:
    with engine.begin() as conn:
        # As a backup that is put back may change it: no rule of ours is asked.
        conn.execute(sa.text("SET LOCAL session_replication_role = replica"))
        conn.execute(sa.text(statement))


@pytest.mark.parametrize("statement", CHANGES)
def test_any_change_of_what_is_listed_is_sent(
    idle: TestClient, engine: Engine, raising: Raising, key: Key, statement: str
) -> None:
    raising(signal())
    reader = key("medical_monitor")
    first = idle.get(BRIEF, headers=reader)
    known = {"If-None-Match": first.headers["etag"]}
    _change(engine, statement)
    then = idle.get(BRIEF, headers=reader | known)
    assert then.status_code == 200
    assert then.json() != first.json()
    assert then.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("column", ["name", "at"])
def test_another_acknowledgement_is_another_list(
    idle: TestClient, engine: Engine, raising: Raising, key: Key, column: str
) -> None:
    raising(signal())
    _change(engine, ACKNOWLEDGED)
    reader = key("medical_monitor")
    known = {"If-None-Match": idle.get(BRIEF, headers=reader).headers["etag"]}
    other = {"name": "'Dr Watson'", "at": "at + interval '1 second'"}[column]
    _change(engine, f"UPDATE notifier.acknowledgement SET {column} = {other}")
    assert idle.get(BRIEF, headers=reader | known).status_code == 200


def test_what_is_said_beside_the_list_is_part_of_it(
    idle: TestClient, engine: Engine, raising: Raising, key: Key
) -> None:
    raising(signal())
    reader = key("medical_monitor")
    first = idle.get(BRIEF, headers=reader)
    set_routing(engine)
    then = idle.get(BRIEF, headers=reader | {"If-None-Match": first.headers["etag"]})
    assert then.json()["alerts"] == first.json()["alerts"]
    assert then.json()["warnings"] == {} != first.json()["warnings"]


@pytest.mark.parametrize("weakened", ["", "W/"])
def test_who_has_the_list_is_not_sent_it_again(
    idle: TestClient, raising: Raising, key: Key, weakened: str
) -> None:
    raising(signal(), signal(SignalType.DEATH))
    reader = key("medical_monitor")
    tag = idle.get(BRIEF, headers=reader).headers["etag"]
    again = idle.get(BRIEF, headers=reader | {"If-None-Match": weakened + tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    idle.post(
        f"{V1}/alerts/{idle.get(BRIEF, headers=reader).json()['alerts'][0]['id']}/acknowledge",
        json={"version": 1},
        headers=reader,
    ).raise_for_status()
    then = idle.get(BRIEF, headers=reader | {"If-None-Match": tag})
    assert [len(one["acknowledgements"]) for one in then.json()["alerts"]] == [1, 0]


@pytest.mark.parametrize("known", ["*", '"junk"', "é", "x" * 5_000, '"' + "0" * 64 + '"', ""])
def test_who_has_something_else_is_sent_the_list(
    idle: TestClient, raising: Raising, key: Key, known: str
) -> None:
    raising(signal())
    reader = key("medical_monitor")
    header = {b"if-none-match": known.encode("latin-1")}
    asked = {name.encode(): value.encode() for name, value in reader.items()} | header
    found = idle.get(BRIEF, headers=asked)
    assert [one["id"] for one in found.json()["alerts"]] == [only_alert(idle, reader)["id"]]


def test_the_tag_opens_nothing(idle: TestClient, raising: Raising, key: Key) -> None:
    raising(signal())
    known = {"If-None-Match": idle.get(BRIEF, headers=key("medical_monitor")).headers["etag"]}
    assert idle.get(BRIEF, headers=known).status_code == 401
    assert idle.get(BRIEF, headers=key("edc_source") | known).status_code == 403
    assert idle.get(BRIEF, headers=key("auditor", study=OTHER) | known).status_code == 404
