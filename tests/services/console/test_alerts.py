"""The inbox and one alert: what waits comes first, past days stay past, and every act is named."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.console.alerts_answers import AlertRecord, Delivery, Forecast
from services.console.alerts_view import as_known, inbox_of, reach_of, row_of, steps_to_come
from tests.services.console.acting_neighbours import Notifier
from tests.services.console.golden import NOW, STUDY, at
from tests.services.console.golden_profile import ID
from tests.services.console.golden_signals import alert, alerts, signals
from tests.services.console.test_access import csrf_of

INBOX = f"/studies/{STUDY}/alerts"
HELD = f"{INBOX}/alert-signal-7"
HOSTILE = "<script>alert(1)</script>\"'=cmd"


@pytest.fixture
def neighbours() -> Notifier:
    return Notifier()


def record(of: dict[str, Any], **changes: Any) -> AlertRecord:
    return AlertRecord.model_validate(of | changes)


def post(person: httpx2.Client, **fields: str) -> httpx2.Response:
    csrf = csrf_of(person.get(HELD))
    return person.post(HELD, data={"csrf": csrf, "version": "1", **fields}, follow_redirects=True)


# -- what is shown, as data


def test_what_waits_comes_first_gravest_and_oldest_before() -> None:
    six, seven = (alert(signals()[n], severity="critical") for n in (5, 6))
    seven["raised_at"] = "2022-12-25T00:00:00Z"
    older = alert(signals()[0], severity="urgent")
    done = alert(signals()[6], seen_by="A", id="done", raised_at="2022-12-27T00:00:00Z")
    found = inbox_of([record(one) for one in (older, six, done, seven)], None, None, 1)
    assert [row.alert.id for row in found.rows] == [
        "alert-signal-7", "alert-signal-6", "alert-signal-1", "done",
    ]  # fmt: skip
    assert found.waiting == 3


def test_each_filter_says_how_many_it_leads_to() -> None:
    all_of_them = [record(one) for one in alerts()]
    found = inbox_of(all_of_them, "open", None, 1)
    counts = {choice.value: choice.count for choice in found.states}
    assert counts[""] == len(all_of_them) == 6
    assert counts["open"] == found.total == 2
    assert counts["acknowledged"] == 4
    assert sum(choice.count for choice in found.severities if choice.value) == 2


def test_a_long_inbox_is_turned_page_by_page() -> None:
    many = [record(alert(signals()[2]), id=f"a{n}") for n in range(120)]
    pages = [inbox_of(many, None, None, n) for n in (1, 2, 3, 99)]
    assert [len(found.rows) for found in pages] == [50, 50, 20, 20]
    shown = {row.alert.id for found in pages[:3] for row in found.rows}
    assert len(shown) == 120


@pytest.mark.parametrize(
    ("seconds", "state", "acknowledged"), [(-1, "open", 0), (0, "acknowledged", 1)]
)
def test_the_past_knows_no_later_acknowledgement(
    seconds: int, state: str, acknowledged: int
) -> None:
    seen = record(alert(signals()[6], seen_by="A", raised_at="2022-12-26T06:00:00Z"))
    (then,) = as_known([seen], NOW + timedelta(seconds=seconds))
    assert (then.state, len(then.acknowledgements)) == (state, acknowledged)


def test_the_past_knows_no_later_follow_up_and_no_later_alert() -> None:
    first = record(alert(signals()[0]), state="withdrawn", followed_by="alert-signal-2", version=2)
    second = record(alert(signals()[1]))
    (then,) = as_known([first, second], second.raised_at - timedelta(seconds=1))
    assert (then.id, then.state, then.followed_by) == (first.id, "open", None)
    now = as_known([first, second], second.raised_at)
    assert [one.state for one in now] == ["withdrawn", "open"]


def delivery(name: str, state: str, **changes: Any) -> Delivery:
    fields = {
        "id": f"d-{name}", "subscriber": name, "channel": "email", "address": f"{name}@example.org",
        "why": "rule x", "state": state, "attempts": 1, "due_at": None,
        "created_at": "2022-12-26T06:00:00Z", "settled_at": "2022-12-26T07:00:00Z",
        "log": [
            {"number": 1, "step": "failed", "answer": "451 later", "at": "2022-12-26T06:01:00Z"},
            {"number": 2, "step": "sent", "answer": "250 taken", "at": "2022-12-26T07:00:00Z"},
        ],
    }  # fmt: skip
    return Delivery.model_validate(fields | changes)


def test_whoever_may_not_know_is_named_first() -> None:
    found = reach_of([delivery("anna", "sent"), delivery("zoe", "given_up")], None)
    assert [one.subscriber for one in found] == ["zoe", "anna"]


def test_a_past_delivery_had_not_arrived_yet() -> None:
    (reach,) = reach_of([delivery("anna", "sent")], at("2022-12-26T06:30"))
    ((then, word),) = reach.ways
    assert (then.state, then.attempts, word.tone) == ("failed", 1, "warn")
    assert reach_of([delivery("anna", "sent")], at("2022-12-26T05:59")) == ()


@pytest.mark.parametrize(("now", "left"), [("06:59", 2), ("07:00", 1), ("07:59", 1), ("08:00", 0)])
def test_the_steps_to_come_are_those_whose_time_has_not_come(now: str, left: int) -> None:
    tellings = [{"at": f"2022-12-26T0{n}:00:00Z", "told": []} for n in (6, 7, 8)]
    forecast, moment = Forecast.model_validate({"tellings": tellings}), at(f"2022-12-26T{now}")
    assert len(steps_to_come(record(alert(signals()[6])), forecast, moment)) == left
    done = record(alert(signals()[6], seen_by="A"))
    assert steps_to_come(done, forecast, moment) == ()


def test_an_alert_leads_to_where_it_is_dealt_with_while_it_stands() -> None:
    candidate = record(alert(signals()[4]))
    leads = row_of(candidate).leads
    assert leads is not None
    assert leads[0] == "/adjudication"
    assert row_of(candidate.model_copy(update={"state": "withdrawn"})).leads is None


# -- the pages


def test_the_inbox_filters_by_plain_links(person: httpx2.Client) -> None:
    page = person.get(f"{INBOX}?state=waiting&severity=critical").text
    assert "2 alerts" in page
    assert 'aria-current="true">Wants an acknowledgement' in page
    assert "state=waiting&amp;severity=urgent" in page


def test_one_alert_says_who_was_told_with_the_proof(
    person: httpx2.Client, neighbours: Notifier
) -> None:
    neighbours.deliveries = [delivery("dr-a", "sent").model_dump(mode="json")]
    page = person.get(HELD).text
    assert "dr-a@example.org" in page
    assert "250 taken" in page
    assert "Nobody has acknowledged it" in page
    assert signals()[6].assessment_digest in page


def test_the_ladder_says_what_is_still_to_come_and_by_which_version(
    person: httpx2.Client, neighbours: Notifier
) -> None:
    neighbours.alerts[-1] |= {"ladder": "urgent", "rounds": 1}
    page = person.get(HELD).text
    assert "2999-12-26 08:00 UTC" in page
    assert "2022-12-26 07:00 UTC" not in page
    assert "Version 2 is in force now" in page


def test_a_notifier_that_cannot_be_read_is_not_an_empty_inbox(
    person: httpx2.Client, neighbours: Notifier
) -> None:
    neighbours.garbled.add("notifier")
    assert [person.get(page).status_code for page in (INBOX, HELD)] == [503, 503]


ACTS: tuple[tuple[dict[str, str], Any], ...] = (
    ({"act": "acknowledge"}, ("acknowledge", {"version": 1})),
    ({"act": "seen"}, ("seen", None)),
    ({"act": "notes", "text": " asked the site "}, ("notes", {"text": "asked the site"})),
    ({"act": "close", "text": "twice"}, ("close", {"version": 1, "reason": "twice"})),
    ({"act": "hand-over", "to": "dr-a"}, ("hand-over", {"to": "dr-a", "text": ""})),
    ({"act": "resend", "delivery": "d-1"}, ("resend", None)),
)


def test_every_act_is_passed_on_and_said(person: httpx2.Client, neighbours: Notifier) -> None:
    for fields, done in ACTS:
        answer = post(person, **fields)
        assert neighbours.done[-1] == done
        assert 'class="banner go"' in answer.text, done
    assert len(neighbours.done) == len(ACTS)


def test_a_refusal_is_said_on_the_alert_itself(person: httpx2.Client, neighbours: Notifier) -> None:
    for status, said in (
        (409, "the alert had changed since this page was made"),
        (403, "your role in this study does not allow it"),
        (503, "Not known whether this was done"),
    ):
        neighbours.failing["acknowledge"] = status
        assert said in post(person, act="acknowledge").text, said
    assert neighbours.done == []


def test_an_alert_about_a_subject_leads_to_everything_about_the_subject(
    person: httpx2.Client, neighbours: Notifier
) -> None:
    candidate, page = f"{INBOX}/alert-signal-5", f"/studies/{STUDY}/subject/{ID}"
    neighbours.past["2022-12-26"] = neighbours.assessment
    assert person.get(candidate).text.count(f'href="{page}"') == 2
    then = person.get(f"{candidate}?known_at=2022-12-26").text
    assert then.count(f'href="{page}?known_at=2022-12-26"') == 2
    assert "/subject/" not in person.get(HELD).text, "it is about nobody in particular"


def test_of_two_subjects_of_one_code_none_is_guessed(
    person: httpx2.Client, neighbours: Notifier
) -> None:
    first, *others = neighbours.assessment.subjects
    twice = (first.model_copy(update={"subject": "4-05"}), *others)
    neighbours.assessment = neighbours.assessment.model_copy(update={"subjects": twice})
    page = person.get(f"{INBOX}/alert-signal-5")
    assert page.status_code == 200
    assert "/subject/" not in page.text
    assert "<dd>4-05</dd>" in page.text


def test_an_alert_withdrawn_meanwhile_leads_to_what_followed(
    person: httpx2.Client, neighbours: Notifier
) -> None:
    csrf = csrf_of(person.get(HELD))
    neighbours.alerts[-1] |= {
        "state": "withdrawn", "version": 2, "followed_by": "alert-signal-6",
    }  # fmt: skip
    neighbours.failing["acknowledge"] = 409
    fields = {"csrf": csrf, "version": "1", "act": "acknowledge"}
    page = person.post(HELD, data=fields, follow_redirects=True).text
    assert "no longer stands: it was withdrawn" in page
    assert f'href="{INBOX}/alert-signal-6"' in page
    assert 'value="acknowledge"' not in page


def test_who_may_not_answer_is_offered_nothing(person: httpx2.Client, neighbours: Notifier) -> None:
    for role in ("auditor", "study_admin"):
        neighbours.roles = [role]
        page = person.get(HELD).text
        for act in ("acknowledge", "notes", "hand-over", "close"):
            assert f'value="{act}"' not in page, (role, act)
        assert 'value="seen"' in page, "every reader may say that they have seen it"


def test_what_no_page_sends_is_refused(person: httpx2.Client, neighbours: Notifier) -> None:
    for fields in (
        {"act": "acknowledge", "version": "x"},
        {"act": "resend", "delivery": "../x"},
        {"act": "?"},
    ):
        assert post(person, **fields).status_code == 400, fields
    assert neighbours.done == []


def test_a_form_of_another_session_does_nothing(
    person: httpx2.Client, neighbours: Notifier
) -> None:
    answer = person.post(HELD, data={"csrf": "guess", "act": "acknowledge", "version": "1"})
    assert answer.status_code == 403
    assert neighbours.done == []


def test_an_alert_of_another_study_is_not_there(
    person: httpx2.Client, neighbours: Notifier
) -> None:
    neighbours.alerts[-1] |= {"study": "OTHER"}
    assert person.get(HELD).status_code == 404


def test_a_past_view_offers_nothing_to_do(person: httpx2.Client, neighbours: Notifier) -> None:
    neighbours.past["2022-12-26"] = neighbours.assessment
    for page in (
        person.get(f"{INBOX}?known_at=2022-12-26"),
        person.get(f"{HELD}?known_at=2022-12-26"),
    ):
        assert page.status_code == 200
        main = page.text.split("<main")[1]
        assert "<form" not in main
        assert "Past view" in page.text


def test_hostile_words_stay_words(person: httpx2.Client, neighbours: Notifier) -> None:
    neighbours.alerts[-1]["signal"]["text"] = HOSTILE
    neighbours.alerts[-1]["notes"] = [
        {"kind": "note", "name": HOSTILE, "role": HOSTILE, "text": HOSTILE, "at": NOW.isoformat()}
    ]
    neighbours.deliveries = [
        delivery("x", "sent", why=HOSTILE, address=HOSTILE).model_dump(mode="json")
    ]
    for page in (person.get(INBOX).text, person.get(HELD).text):
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page
