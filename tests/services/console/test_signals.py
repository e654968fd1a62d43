"""What stands in the signal list, and what is known of acknowledgements."""

from datetime import timedelta

from services.console.answers import Alert
from services.console.signals import MOST_PRESSING, NEWEST, list_signals
from shared.contracts.signals import SignalType
from tests.services.console import golden_signals

LABELS = {level: f"{level} mg/kg" for level in (1, 2, 3, 4)}


def alerts() -> tuple[Alert, ...]:
    return tuple(Alert.model_validate(alert) for alert in golden_signals.alerts())


def test_the_newest_signal_comes_first() -> None:
    rows = list_signals(golden_signals.signals(), alerts(), LABELS).rows
    assert [row.signal.id for row in rows] == [f"signal-{n}" for n in range(7, 0, -1)]


def test_a_superseded_signal_no_longer_stands_and_says_what_followed() -> None:
    rows = {r.signal.id: r for r in list_signals(golden_signals.signals(), alerts(), LABELS).rows}
    assert not rows["signal-1"].standing
    assert rows["signal-1"].followed_by == "DLT confirmed"
    assert rows["signal-2"].standing
    assert rows["signal-2"].follows == "DLT candidate"


def test_an_ending_stands_as_little_as_what_it_ends() -> None:
    ending = golden_signals.signal(
        8,
        SignalType.SIGNAL_WITHDRAWN,
        "notice",
        "2022-12-27",
        "The query is answered.",
        supersedes="signal-4",
        ends=True,
    )
    listed = list_signals((*golden_signals.signals(), ending), alerts(), LABELS)
    rows = {row.signal.id: row for row in listed.rows}
    assert not rows["signal-4"].standing
    assert not rows["signal-8"].standing
    assert listed.standing == 5


def test_of_very_many_that_await_the_critical_come_first_and_the_rest_is_counted() -> None:
    death = golden_signals.signal(100, SignalType.DEATH, "critical", "2022-01-01", "A death.")
    urgent = tuple(
        golden_signals.signal(200 + n, SignalType.DLT_CANDIDATE, "urgent", "2022-02-01", "Maybe.")
        for n in range(MOST_PRESSING + NEWEST + 7)
    )
    listed = list_signals((death, *urgent), (), LABELS)
    assert listed.foremost[-1].signal.id == death.id
    assert len(listed.foremost) == MOST_PRESSING
    assert listed.more_pressing == len(urgent) + 1 - MOST_PRESSING
    assert list_signals((death, *urgent), None, LABELS).more_pressing == 0


def test_only_standing_urgent_signals_without_acknowledgement_await() -> None:
    assert list_signals(golden_signals.signals(), alerts(), LABELS).awaiting == 2


def test_what_awaits_an_acknowledgement_stays_in_sight_however_old() -> None:
    old = golden_signals.signal(100, SignalType.DEATH, "critical", "2022-01-01", "A death.")
    many = tuple(
        golden_signals.signal(200 + n, SignalType.WINDOW_CLOSED, "info", "2022-02-01", "Closed.")
        for n in range(30)
    )
    listed = list_signals((old, *many), (), LABELS)
    assert [row.signal.id for row in listed.foremost][-1] == old.id
    assert len(listed.foremost) == NEWEST + 1
    seen = Alert.model_validate(golden_signals.alert(old, seen_by="Somebody"))
    assert old.id not in {r.signal.id for r in list_signals((old, *many), (seen,), LABELS).foremost}


def test_a_signal_unknown_to_the_notifier_awaits_too() -> None:
    assert list_signals(golden_signals.signals(), (), LABELS).awaiting == 4


def test_without_the_notifier_acknowledgements_are_unknown() -> None:
    assert not list_signals(golden_signals.signals(), None, LABELS).acknowledgements
    assert list_signals(golden_signals.signals(), (), LABELS).acknowledgements


def test_in_a_past_view_later_signals_have_not_superseded_anything_yet() -> None:
    candidate = golden_signals.signals()[0]
    past = list_signals(golden_signals.signals(), None, LABELS, known_by=candidate.known_at)
    assert [(r.signal.id, r.standing) for r in past.rows] == [("signal-1", True)]
    before = candidate.known_at - timedelta(seconds=1)
    assert list_signals(golden_signals.signals(), None, LABELS, known_by=before).rows == ()
