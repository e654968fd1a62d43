"""The data, audit and administration pages over all real services: what they show, and to whom."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx2
import pytest
import sqlalchemy as sa

from services.console.data import DataQuery, as_known
from services.demo import STUDY
from services.demo.table import read_protocol
from shared.contracts.topics import SIGNALS
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import create_account
from shared.runtime.bus import Message
from shared.runtime.passwords import Passwords
from shared.runtime.postgres_bus import PostgresBus
from tests.services.console.acting_support import PASSWORD, Trial, trial

DATA, AUDIT, ADMIN = (f"/studies/{STUDY}/{name}" for name in ("data", "audit", "admin"))
NASTY = '=cmd|"/c calc"!A1 <script>alert(1)</script>'


@pytest.fixture(scope="module")
def held(new_database: Callable[[], str]) -> Iterator[Trial]:
    with trial(new_database) as running:
        with running.vigil.engine.begin() as conn:
            create_account(
                conn,
                Passwords(),
                "admin",
                "Admin",
                [(STUDY, "study_admin")],
                by=OPERATOR,
                now=datetime.now(UTC),
                password=PASSWORD,
            )
        yield running


@pytest.fixture
def admin(held: Trial) -> Iterator[httpx2.Client]:
    with held.person("admin") as person:
        yield person


def csrf_of(page: httpx2.Response) -> str:
    return page.text.split('name="csrf" value="')[1].split('"')[0]


def test_the_data_page_says_who_was_heard_and_what_did_not_get_in(
    held: Trial, admin: httpx2.Client
) -> None:
    gateway = next(iter(held.vigil.keys.sources.values()))
    refused = httpx2.post(
        f"{held.vigil.url}/ingest/v1/events",
        headers={
            "Authorization": f"Bearer {gateway}",
            "Content-Type": "application/cloudevents+json",
        },
        json={"studyid": STUDY, "type": "vigil.lab.v1", "secret": NASTY},
        timeout=60,
    )
    assert refused.status_code == 422
    text = admin.get(DATA).text
    assert "urn:" in text
    assert "<code>/secret</code>" in text
    assert NASTY not in text
    assert "None. Every record that was taken is in the figures." in text


def test_the_data_page_names_the_source_that_is_silent_longest_first(
    held: Trial, admin: httpx2.Client
) -> None:
    headers = {"Authorization": f"Bearer {held.vigil.keys.admin}"}
    path = f"{held.vigil.url}/ingest/v1/studies/{STUDY}/sources"
    told = httpx2.get(path, headers=headers, timeout=60).json()["sources"]
    assert len(told) >= 4
    table = admin.get(DATA).text.split('aria-label="Table of sources"')[1].split("</table>")[0]
    shown = re.findall(r'<th scope="row">([^<]+)</th><td><time datetime="([^"]+)"', table)
    assert {name for name, _ in shown} == {one["source"] for one in told}
    moments = [datetime.fromisoformat(moment) for _, moment in shown]
    assert moments == sorted(moments)
    for one in told:
        heard = datetime.fromisoformat(one["last_at"]).replace(microsecond=0)
        assert (one["source"], heard) in zip((name for name, _ in shown), moments, strict=True)


@pytest.mark.parametrize("asked", ["", "?known_at=2022-12-26"])
def test_a_query_leads_to_its_subject(admin: httpx2.Client, asked: str) -> None:
    page = admin.get(DATA + asked).text.split('id="queries"')[1].split("</section>")[0]
    assert '<th scope="row">4-05<' not in page
    place = page.split('">4-05</a>')[0].split('<a href="')[-1]
    assert place.endswith(asked)
    assert '<h1 id="who">4-05</h1>' in admin.get(place).text


def test_parts_that_a_role_does_not_see_say_so(held: Trial) -> None:
    with held.person("monitor") as monitor:
        data, audit = monitor.get(DATA).text, monitor.get(AUDIT).text
    assert data.count("Your role does not show this. A study administrator gives roles.") == 3
    assert "Queries to the sites" in data
    assert "notice" not in data.split('id="parked"')[1], "that a role does not show it is no fault"
    assert "Sign-ins, accounts and keys:</b> Your role does not show this." in audit
    assert "Decided" in audit


@pytest.mark.parametrize("service", ["monitor", "notifier"])
def test_a_parked_message_is_tried_again_by_a_form_of_ones_own_only(
    held: Trial, admin: httpx2.Client, service: str
) -> None:
    place = f"{DATA}/parked/{service}/4711"
    assert admin.post(f"{DATA}/parked/ingest/4711").status_code == 404
    assert admin.get(place).status_code == 405
    assert admin.post(place, data={"csrf": "guess"}).status_code == 403
    answer = admin.post(place, data={"csrf": csrf_of(admin.get(DATA))})
    assert "note=gone" in answer.headers["location"]
    with held.person("watcher") as auditor:
        answer = auditor.post(place, data={"csrf": csrf_of(auditor.get(DATA))})
    assert "note=not-allowed" in answer.headers["location"]


def test_the_audit_page_names_who_did_what_newest_first(admin: httpx2.Client) -> None:
    text = admin.get(AUDIT).text
    for told in ("Signed in", "Decided", "Put a protocol", "version 1, revision 1", ": Auditor"):
        assert told in text, told
    only = admin.get(f"{AUDIT}?area=protocol").text
    assert "Put a protocol" in only
    assert "Signed in</td>" not in only
    assert "1 line<" in only


def test_the_audit_page_says_which_record_it_was(admin: httpx2.Client) -> None:
    text = admin.get(f"{AUDIT}?area=acts").text
    for told in (
        ">expand at dose level 4, names an assessment that was never given out here, record SRC/",
        ">escalate to dose level 2, names",
        ", record SRC/2022-12-01<",
        ">DLT, platelets-g4, names",
        ", record 4-01/DLT<",
    ):
        assert told in text, told


def test_the_audit_names_what_an_alert_was_about_in_words(
    held: Trial, admin: httpx2.Client
) -> None:
    with held.person("monitor") as monitor:
        inbox = monitor.get(f"/studies/{STUDY}/alerts?state=waiting").text
        place, title = re.findall(r'<a href="(/studies/[^"/]+/alerts/[^"]+)">([^<]+)</a>', inbox)[0]
        alert = monitor.get(place)
        version = alert.text.split('name="version" value="')[1].split('"')[0]
        noted = {"act": "seen", "version": version, "csrf": csrf_of(alert)}
        assert monitor.post(place, data=noted).status_code == 303
    assert f'<td class="text">{title}: </td>' in admin.get(f"{AUDIT}?area=alerts").text


def test_the_audit_as_csv_runs_nothing(held: Trial, admin: httpx2.Client) -> None:
    with held.vigil.engine.begin() as conn:
        create_account(
            conn,
            Passwords(),
            "eve",
            NASTY,
            [(STUDY, "auditor")],
            by=OPERATOR,
            now=datetime.now(UTC),
        )
    answer = admin.get(f"{AUDIT}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["at_utc", "who", "what", "about", "area"]
    [made] = [row for row in rows if row[2] == "Made the account of" and "calc" in row[3]]
    assert made[3] == f"'{NASTY}"
    assert NASTY not in admin.get(AUDIT).text


def test_the_past_holds_what_was_done_by_then(admin: httpx2.Client) -> None:
    text = admin.get(f"{AUDIT}?known_at=2022-09-30").text
    assert "Decided" in text
    assert "Signed in</td>" not in text
    assert "2022-12" not in text.split("<tbody>")[1]
    data = admin.get(f"{DATA}?known_at=2022-09-30").text
    assert "known for the present only" in data
    assert 'action="/studies' not in data.split("<main")[1]


def make(admin: httpx2.Client, what: str, **fields: str) -> httpx2.Response:
    return admin.post(f"{ADMIN}/{what}", data={"csrf": csrf_of(admin.get(ADMIN)), **fields})


def shown_once(page: httpx2.Response) -> str:
    assert page.headers["cache-control"] == "no-store"
    return page.text.split("<p><code>")[1].split("<")[0]


def account_of(admin: httpx2.Client, login: str) -> str:
    row = admin.get(ADMIN).text.split(f">{login}</span>")[1]
    return row.split("/admin/accounts/")[1].split("/")[0]


def test_an_account_is_made_used_changed_and_shut(held: Trial, admin: httpx2.Client) -> None:
    made = make(admin, "accounts", login="Ann", name="Ann A.", **{"role-auditor": "on"})
    password = shown_once(made)
    assert password not in admin.get(ADMIN).text
    headers = {"Origin": held.vigil.url}
    with httpx2.Client(base_url=held.vigil.url, headers=headers, timeout=60) as ann:
        signed = ann.post("/login", data={"login": "ann", "password": password})
        assert signed.headers["location"] == "/account"
    ann_id = account_of(admin, "ann")
    changed = make(admin, f"accounts/{ann_id}/roles", **{"role-medical_monitor": "on"})
    assert "note=done" in changed.headers["location"]
    assert "Medical monitor" in admin.get(ADMIN).text.split(">ann</span>")[1].split("</tr>")[0]
    assert shown_once(make(admin, f"accounts/{ann_id}/password")) != password
    make(admin, f"accounts/{ann_id}/disable")
    assert "Shut <time" in admin.get(ADMIN).text
    make(admin, f"accounts/{ann_id}/enable")
    assert "Shut <time" not in admin.get(ADMIN).text


def test_shutting_an_account_closes_its_open_page(held: Trial, admin: httpx2.Client) -> None:
    """The stream asks the services as the person: whoever is out hears of it and nothing more."""
    with held.person("second") as second:
        stream = {"Accept": "text/event-stream"}
        with second.stream("GET", f"/studies/{STUDY}/live", headers=stream) as live:
            lines = live.iter_lines()
            assert "event: alive" in (next(lines), next(lines), next(lines))
            make(admin, f"accounts/{account_of(admin, 'second')}/disable")
            heard = [line for line in lines if line.startswith("event:")]
        assert heard[-1] == "event: signed-out"
        assert second.get(DATA).headers["location"].startswith("/login")


def test_what_cannot_be_made_says_why(admin: httpx2.Client) -> None:
    role = {"role-auditor": "on"}
    for fields, note in (
        ({"login": "admin", "name": "Somebody", **role}, "conflict"),
        ({"login": "no spaces", "name": "Somebody", **role}, "refused"),
        ({"login": "somebody", "name": "Somebody"}, "refused"),
    ):
        answer = make(admin, "accounts", **fields)
        assert answer.headers["location"].endswith(f"note={note}")
    assert make(admin, "keys/0123/end").headers["location"].endswith("note=gone")
    assert admin.post(f"{ADMIN}/keys", data={"csrf": "guess"}).status_code == 403


def test_a_key_is_made_and_ended(held: Trial, admin: httpx2.Client) -> None:
    key = shown_once(make(admin, "keys", name="Second EDC", **{"role-edc_source": "on"}))
    assert key.startswith("vigil_")
    make(admin, f"keys/{key.split('_')[1]}/end")
    row = admin.get(ADMIN).text.split("Second EDC")[1].split("</tr>")[0]
    assert "Ended <time" in row


def test_who_would_be_told_is_asked_without_telling(held: Trial, admin: httpx2.Client) -> None:
    text = admin.get(ADMIN, params={"type": "dose.exceeded", "severity": "critical"}).text
    assert "No routing is in force" in text
    assert "nobody; the inbox shows it." in text
    assert '<option value="dose.exceeded" selected>Dose exceeded</option>' in text
    assert '<option value="critical" selected>Critical</option>' in text
    with held.person("watcher") as auditor:
        seen = auditor.get(ADMIN).text
    assert seen.count("Your role does not show this.") == 2
    assert "/admin/accounts/" not in seen


def test_the_protocol_is_listed_with_what_each_version_changed(
    held: Trial, admin: httpx2.Client
) -> None:
    assert "The first version." in admin.get(ADMIN).text
    changed = read_protocol().replace('version: "1"', 'version: "2"')
    changed = changed.replace("for_more_than_days: 7", "for_more_than_days: 5", 1)
    headers = {
        "Authorization": f"Bearer {held.vigil.keys.admin}",
        "Content-Type": "application/yaml",
    }
    path = f"{held.vigil.url}/ingest/v1/studies/{STUDY}/protocol"
    assert (
        httpx2.put(path, content=changed.encode(), headers=headers, timeout=60).status_code == 202
    )
    held.posted += 1
    held.vigil.wait_for_facts(held.posted)
    text = admin.get(ADMIN).text
    assert "Version 2 (in force)" in text
    changes = text.split("Version 2 (in force)")[1].split("Version 1")[0]
    assert "From now on:" in changes
    assert "for more than 5 days" in changes
    assert "for more than 7 days" in changes, "what it was before"
    past = admin.get(f"{ADMIN}?known_at=2022-09-30").text
    assert "Version 2" not in past
    assert "<form" not in past.split("<main")[1]


def test_pages_of_other_studies_do_not_exist(admin: httpx2.Client) -> None:
    for page in ("data", "audit", "audit.csv", "admin"):
        assert admin.get(f"/studies/OTHER/{page}").status_code == 404


def query(**changed: object) -> DataQuery:
    turns = [
        {"event": event, "at": f"2026-01-0{day}T00:00:00Z"}
        for day, event in ((1, "opened"), (3, "answered"), (5, "closed"))
    ]
    return DataQuery.model_validate(
        {
            "id": "q1",
            "subject": "1-01",
            "kind": "missing",
            "text": "x",
            "site": None,
            "state": "closed",
            "history": turns,
            **changed,
        }
    )


@pytest.mark.parametrize(
    ("day", "state"), [(1, "opened"), (2, "opened"), (3, "answered"), (5, "closed")]
)
def test_a_query_is_shown_in_its_state_at_the_moment(day: int, state: str) -> None:
    [found] = as_known([query()], datetime(2026, 1, day, tzinfo=UTC))
    assert found.state == state


@pytest.mark.parametrize(("day", "site"), [(1, "07"), (2, "08")])
def test_a_query_is_shown_at_the_site_it_was_for(day: int, site: str) -> None:
    turns = [
        {"event": "opened", "at": "2026-01-01T00:00:00Z", "site": "07"},
        {"event": "moved", "at": "2026-01-02T00:00:00Z", "site": "08"},
    ]
    [found] = as_known([query(history=turns, site="08")], datetime(2026, 1, day, tzinfo=UTC))
    assert (found.state, found.site) == ("opened", site)


def test_a_query_that_came_later_is_not_shown() -> None:
    assert as_known([query()], datetime(2025, 12, 31, tzinfo=UTC)) == []
    assert as_known([query()], None)[0].state == "closed"


def test_a_signal_that_could_not_be_read_is_listed_and_tried_again(
    held: Trial, admin: httpx2.Client
) -> None:
    raised = held.vigil.signals()[0]
    with held.vigil.engine.begin() as conn:
        broken = Message(SIGNALS.name, STUDY, "a-later-contract", b"of a later contract")
        PostgresBus(held.vigil.engine).publish(conn, [broken])
    held.vigil.wait(lambda: "parked/notifier/" in admin.get(DATA).text)
    page = admin.get(DATA).text
    assert "Each may be a safety signal that is in no inbox." in page
    assert "None. Every record that was taken is in the figures." in page
    place = page.split('action="')[-1].split('"')[0]
    with held.person("watcher") as auditor:
        seen = auditor.get(DATA).text
        assert "Each may be a safety signal" in seen
        assert "parked/notifier/" not in seen
    form = {"csrf": csrf_of(admin.get(DATA))}
    assert "note=still-parked" in admin.post(place, data=form).headers["location"]
    with held.vigil.engine.begin() as conn:  # as a notifier reads it that knows the contract
        readable = sa.text("UPDATE bus.parked SET value = :value WHERE group_name = 'notifier'")
        conn.execute(readable, {"value": raised.model_dump_json().encode()})
    assert "note=replayed" in admin.post(place, data=form).headers["location"]
    assert "None. Every signal that was raised is in the inbox." in admin.get(DATA).text
