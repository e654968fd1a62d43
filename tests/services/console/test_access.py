"""Signing in and out, and that nobody else can act in a person's name."""

import httpx2
import pytest
from fastapi import FastAPI

from services.console.asking import local
from shared.runtime.auth import unguarded
from tests.services.console.golden import STUDY
from tests.services.console.neighbours import KEY, Neighbours

BOARD = f"/studies/{STUDY}"
ACKNOWLEDGE = f"{BOARD}/alerts/alert-signal-6/acknowledge"


def csrf_of(page: httpx2.Response) -> str:
    return page.text.split('name="csrf" value="')[1].split('"')[0]


def test_every_page_is_guarded(app: FastAPI) -> None:
    assert unguarded(app) == []


@pytest.mark.parametrize("path", ["/", BOARD, "/alerts/alert-signal-6"])
def test_without_a_session_there_is_only_the_way_in(
    visitor: httpx2.Client, neighbours: Neighbours, path: str
) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")
    assert neighbours.asked == []


def test_a_live_stream_without_a_session_is_refused(visitor: httpx2.Client) -> None:
    answer = visitor.get(f"{BOARD}/live", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 401


def test_signing_in_leads_to_the_page_asked_for(visitor: httpx2.Client) -> None:
    asked = visitor.get(BOARD)
    form = visitor.get(asked.headers["location"])
    assert f'value="{BOARD}"' in form.text
    answer = visitor.post("/login", data={"key": f" {KEY}\n", "next": BOARD})
    assert (answer.status_code, answer.headers["location"]) == (303, BOARD)
    assert visitor.get(BOARD).status_code == 200


def test_the_cookie_is_strict_unreadable_by_scripts_and_does_not_hold_the_key(
    visitor: httpx2.Client,
) -> None:
    cookie = visitor.post("/login", data={"key": KEY}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age" not in cookie
    assert KEY not in cookie
    assert "Secure" not in cookie
    tls = {"X-Forwarded-Proto": "https"}
    behind_tls = visitor.post("/login", data={"key": KEY}, headers=tls).headers["set-cookie"]
    assert behind_tls.startswith("__Host-vigil_session=")
    assert "Secure" in behind_tls
    assert "Path=/" in behind_tls
    assert "Domain" not in behind_tls


def test_a_cookie_of_plain_http_opens_nothing_over_tls(person: httpx2.Client) -> None:
    """Whoever can write a cookie for a neighbouring host cannot give a browser a session."""
    tls = {"X-Forwarded-Proto": "https"}
    assert person.get(BOARD).status_code == 200
    assert person.get(BOARD, headers=tls).headers["location"].startswith("/login")


@pytest.mark.parametrize("key", ["", "vigil_guess", "schlüssel"])
def test_a_wrong_key_opens_nothing(visitor: httpx2.Client, key: str) -> None:
    answer = visitor.post("/login", data={"key": key})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert not key or key not in answer.text


def test_a_silent_monitor_is_not_a_wrong_key(
    visitor: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.failing["monitor"] = 500
    answer = visitor.post("/login", data={"key": KEY})
    assert answer.status_code == 503
    assert "no key can be checked" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_elsewhere_does_nothing(
    person: httpx2.Client, neighbours: Neighbours, headers: dict[str, str]
) -> None:
    fields = {"csrf": csrf_of(person.get(BOARD)), "version": "1"}
    assert person.post(ACKNOWLEDGE, data=fields, headers=headers).status_code == 403
    assert person.post("/logout", data=fields, headers=headers).status_code == 403
    assert person.post("/login", data={"key": KEY}, headers=headers).status_code == 403
    assert neighbours.acknowledged == []
    assert person.get(BOARD).status_code == 200


@pytest.mark.parametrize("csrf", ["", "guess"])
def test_a_form_needs_the_token_of_its_session(
    person: httpx2.Client, neighbours: Neighbours, csrf: str
) -> None:
    fields = {"csrf": csrf, "version": "1"}
    assert person.post(ACKNOWLEDGE, data=fields).status_code == 403
    assert person.post("/logout", data=fields).status_code == 403
    assert neighbours.acknowledged == []


def test_a_get_never_acknowledges(person: httpx2.Client, neighbours: Neighbours) -> None:
    assert person.get(ACKNOWLEDGE).status_code == 405
    assert neighbours.acknowledged == []


def test_signing_out_forgets_the_key(person: httpx2.Client) -> None:
    token = person.cookies["vigil_session"]
    assert person.post("/logout", data={"csrf": csrf_of(person.get("/"))}).status_code == 303
    person.cookies.clear()
    again = person.get("/", headers={"Cookie": f"vigil_session={token}"})
    assert again.headers["location"].startswith("/login")


def test_a_revoked_key_ends_the_session(person: httpx2.Client, neighbours: Neighbours) -> None:
    neighbours.keys.clear()
    assert person.get(BOARD).headers["location"].startswith("/login")
    neighbours.keys.add(KEY)
    assert person.get(BOARD).headers["location"].startswith("/login")


def test_a_link_from_a_message_asks_once_more_with_the_cookie(person: httpx2.Client) -> None:
    link = "/alerts/alert-signal-6"
    token = person.cookies["vigil_session"]
    person.cookies.clear()
    first = person.get(link, headers={"Sec-Fetch-Site": "cross-site"})
    assert first.status_code == 200
    assert f'content="0;url={link}"' in first.text
    second = person.get(
        link, headers={"Sec-Fetch-Site": "same-origin", "Cookie": f"vigil_session={token}"}
    )
    assert second.headers["location"] == f"{BOARD}/alerts/alert-signal-6"


def test_the_way_in_does_not_lead_elsewhere(visitor: httpx2.Client) -> None:
    answer = visitor.post("/login", data={"key": KEY, "next": "//evil.example/"})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("/studies/A-1", True),
        ("/studies/A-1?known_at=2022-12-26", True),
        ("/alerts/abc", True),
        ("https://evil.example/", False),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("/studies/A-1\nSet-Cookie: x", False),
        ("/studies/A-1?note=x", False),
        ("", False),
    ],
)
def test_only_our_own_pages_are_gone_on_to(address: str, kept: bool) -> None:
    assert local(address) == (address if kept else "/")


def test_a_form_that_is_no_form_is_refused(person: httpx2.Client) -> None:
    assert person.post("/login", json={"key": KEY}).status_code == 415
    assert person.post("/login", data={"key": "x" * 70_000}).status_code == 413
    many = {f"f{n}": "" for n in range(40)}
    assert person.post("/login", data=many).status_code == 400
