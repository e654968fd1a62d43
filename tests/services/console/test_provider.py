"""Signing in at a provider, as a browser goes through it; and confirming a decision there."""

from collections.abc import Callable

import httpx2
import pytest
from sqlalchemy import Engine

from shared.runtime import accounts, throttle
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import AccountInfo
from shared.runtime.clock import SystemClock
from tests.oidc_provider import PASSWORD, OidcProvider, Person, sign_in_at
from tests.services.console.acting_neighbours import COMMITTEE, small_packet
from tests.services.console.acting_support import fields_of
from tests.services.console.golden import STUDY
from tests.services.console.provider_support import Office, leads_to, office
from tests.services.ingest.support import published

__all__ = ["office"]
Make = Callable[..., AccountInfo]
OVERRIDE = {
    "choice": "other", "action": "expand", "level": "4",
    "override_reason": "the sponsor asks", "second_login": "bob",
}  # fmt: skip


def test_a_person_comes_back_from_the_provider_signed_in(office: Office, account: Make) -> None:
    account("ada", subject="sub-ada")
    came = sign_in_at(office.start(f"/studies/{STUDY}"), "ada")
    answer = office.answer(came)
    assert leads_to(answer) == f"/studies/{STUDY}"
    cookies = answer.headers.get_list("set-cookie")
    [session] = [one for one in cookies if one.startswith("vigil_session=")]
    assert "HttpOnly" in session
    assert "SameSite=strict" in session
    page = office.visitor.get("/account").text
    assert "Dr. Ada" in page
    assert "You sign in at the hospital" in page
    assert 'name="old"' not in page
    assert office.session().key not in page + answer.text


def test_a_session_given_before_is_not_the_one_after(office: Office, account: Make) -> None:
    account("ada", subject="sub-ada")
    planted = office.sessions.begin("vigil_session_planted", "eve", "Eve")
    office.visitor.cookies["vigil_session"] = planted.token
    answer = office.answer(sign_in_at(office.start(), "ada"))
    assert not office.sessions.holds(planted)
    assert answer.cookies["vigil_session"] != planted.token


@pytest.mark.parametrize(
    "goal", ["//evil.example.org", "https://evil.example.org", "/\\evil", "/login", "javascript:x"]
)
def test_the_way_back_leads_to_our_own_pages_only(office: Office, account: Make, goal: str) -> None:
    account("ada", subject="sub-ada")
    assert leads_to(office.answer(sign_in_at(office.start(goal), "ada"))) == "/"


def test_an_answer_counts_once_and_in_the_browser_that_asked(office: Office, account: Make) -> None:
    """Whoever sends somebody the way back of their own sign-in signs nobody in as themselves."""
    account("ada", subject="sub-ada")
    came = sign_in_at(office.start(), "ada")
    victim = httpx2.get(f"{office.url}/provider/answer", params=came, trust_env=False, timeout=60)
    assert (victim.status_code, "vigil_session" in victim.cookies) == (400, False)
    came = sign_in_at(office.start(), "ada")
    assert office.answer(came).status_code == 200
    assert office.answer(came).status_code == 400
    assert office.answer({}).status_code == 400


def test_another_sites_form_starts_nothing(office: Office, provider: OidcProvider) -> None:
    headers = {"Origin": "https://evil.example.org"}
    answer = office.visitor.post("/provider/start", data={"next": "/"}, headers=headers)
    assert answer.status_code == 403
    assert provider.asked == []


def test_each_way_of_failing_has_its_page_and_shows_no_token(
    office: Office, account: Make, provider: OidcProvider, engine: Engine
) -> None:
    ada = account("ada", subject="sub-ada")

    def page(status: int) -> str:
        answer = office.answer(came)
        assert answer.status_code == status
        assert "vigil_session" not in answer.cookies
        assert came.get("code", "no code") not in answer.text
        return answer.text

    came = sign_in_at(office.start(), "nobody there")
    assert "The provider did not sign you in" in page(401)
    came = {**sign_in_at(office.start(), "ada"), "iss": "https://other.example.org"}
    assert "was not believed" in page(401)
    provider.people["eve"] = Person("<script>alert(1)</script>", "eve@example.org")
    came = sign_in_at(office.start(), "eve")
    stranger = page(403)
    assert "No account here is yours yet" in stranger
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in stranger
    came = sign_in_at(office.start(), "ada")
    provider.away = True
    assert "does not answer" in page(503)
    provider.away = False
    came = sign_in_at(office.start(), "ada")
    with engine.begin() as conn:
        accounts.set_disabled(conn, ada, True, OPERATOR, SystemClock().now())
    assert "Your account here is shut" in page(403)


def test_sign_ins_that_nobody_ends_are_counted_by_the_browsers_address(
    office: Office, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "ADDRESS_ALLOWANCE", 1.0)

    def begin(address: str) -> httpx2.Response:
        headers = {"X-Forwarded-For": address}
        return office.visitor.post("/provider/start", data={"next": "/"}, headers=headers)

    assert leads_to(begin("192.0.2.1")).startswith(provider.issuer)
    refused = begin("192.0.2.1")
    assert (refused.status_code, "Too many sign-ins" in refused.text) == (429, True)
    assert leads_to(begin("192.0.2.2")).startswith(provider.issuer)


def test_a_shut_account_is_out_of_the_pages_and_signing_out_ends_both_sessions(
    office: Office, account: Make, provider: OidcProvider, engine: Engine
) -> None:
    ada = account("ada", subject="sub-ada")
    session = office.sign_in("ada")
    left = leads_to(office.visitor.post("/logout", data={"csrf": session.csrf}))
    assert left.startswith(f"{provider.issuer}/end?client_id=vigil&post_logout_redirect_uri=")
    assert not office.sessions.holds(session)
    office.sign_in("ada")
    with engine.begin() as conn:
        accounts.set_disabled(conn, ada, True, OPERATOR, SystemClock().now())
    assert office.visitor.get("/account").headers["location"].startswith("/login")


def decide(office: Office, **more: str) -> httpx2.Response:
    """A decision on the form; the monitor knows it at once when it comes."""
    fields = fields_of(
        office.visitor.get(COMMITTEE), **{"choice": "hold.4", "rationale": "2/6", **more}
    )
    office.neighbours.acts = [
        {
            "kind": "decision", "recordid": f"decision-{fields['token']}", "withdrawn": False,
            "usubjid": None, "criterion_id": None, "decision": "hold", "actor": None,
            "known_at": "2022-12-26T12:00:00Z", "cites": "current", "facts_since": 0,
        }
    ]  # fmt: skip
    return office.visitor.post(COMMITTEE, data=fields)


def press(office: Office, address: str, **fields: str) -> httpx2.Response:
    return office.visitor.post(address, data={"csrf": office.session().csrf, **fields})


def test_a_decision_is_confirmed_by_signing_in_again(
    office: Office, account: Make, provider: OidcProvider, engine: Engine
) -> None:
    account("ada", study=STUDY, subject="sub-ada")
    office.sign_in("ada")
    form = office.visitor.get(COMMITTEE).text
    assert "sign in again at the hospital" in form
    assert 'id="password"' not in form
    url = leads_to(decide(office))
    assert "prompt=login&max_age=0" in url
    waiting = leads_to(office.answer(sign_in_at(url, "ada")))
    shown = office.visitor.get(waiting)
    assert "Dr. Ada: <b>confirmed</b>" in shown.text
    assert "2/6" in shown.text
    assert published(engine) == [], "nothing is on record before the button"
    address = waiting.partition("?")[0]
    assert office.visitor.post(address, data={"csrf": "guess"}).status_code == 403
    assert press(office, address).headers["location"] == f"{COMMITTEE}?note=recorded"
    assert [fact.actor for fact in published(engine)] == ["Dr. Ada"]
    assert press(office, address).status_code == 404, "once"


def test_a_decision_whose_basis_has_moved_on_is_not_recorded(
    office: Office, account: Make, engine: Engine
) -> None:
    account("ada", study=STUDY, subject="sub-ada")
    office.sign_in("ada")
    address = leads_to(office.answer(sign_in_at(leads_to(decide(office)), "ada")))
    moved = small_packet().assessment.model_copy(update={"status": "stopped", "digest": "sha256:0"})
    office.neighbours.assessment = moved
    answer = press(office, address.partition("?")[0])
    assert answer.status_code == 409
    assert "moved on since the page was made" in answer.text
    assert "2/6" in answer.text, "what was written is not lost"
    assert published(engine) == []


def test_somebody_elses_sign_in_confirms_nothing_and_nobody_else_sees_the_record(
    office: Office, account: Make, engine: Engine
) -> None:
    account("ada", study=STUDY, subject="sub-ada")
    account("bob", study=STUDY, subject="sub-bob")
    office.sign_in("ada")
    waiting = leads_to(office.answer(sign_in_at(leads_to(decide(office)), "bob")))
    shown = office.visitor.get(waiting)
    assert "not the person who was asked" in shown.text
    assert 'id="record"' not in shown.text
    address = waiting.partition("?")[0]
    assert press(office, address).status_code == 409
    office.sign_in("bob")
    assert office.visitor.get(address).status_code == 404
    assert published(engine) == []


def test_an_override_takes_two_who_sign_in_again(
    office: Office, account: Make, engine: Engine
) -> None:
    account("ada", study=STUDY, subject="sub-ada")
    account("bob", study=STUDY, subject="sub-bob")
    office.sign_in("ada")
    waiting = leads_to(office.answer(sign_in_at(leads_to(decide(office, **OVERRIDE)), "ada")))
    address = waiting.partition("?")[0]
    assert press(office, address).status_code == 409, "the second person is missing"
    url = leads_to(press(office, f"{address}/second"))
    office.answer(sign_in_at(url, "bob"))
    assert "Dr. Bob: <b>confirmed</b>" in office.visitor.get(address).text
    assert press(office, address).status_code == 303
    [fact] = published(engine)
    assert (fact.actor, fact.data["countersigned_by"]) == ("Dr. Ada", "Dr. Bob")


def test_a_password_and_a_provider_go_together(
    office: Office, account: Make, engine: Engine
) -> None:
    account("ada", study=STUDY)
    account("bob", study=STUDY, subject="sub-bob")
    office.visitor.post("/login", data={"login": "ada", "password": PASSWORD})
    office.session()
    asked = decide(office, **OVERRIDE, password=PASSWORD)
    address = asked.headers["location"]
    office.answer(sign_in_at(leads_to(press(office, f"{address}/second")), "bob"))
    assert press(office, address, password="wrong").status_code == 409
    assert published(engine) == []
    assert press(office, address, password=PASSWORD).status_code == 303
    [fact] = published(engine)
    assert (fact.actor, fact.data["countersigned_by"]) == ("Dr. Ada", "Dr. Bob")
