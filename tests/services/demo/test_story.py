"""How the story is paced: nothing is left out, put off or reordered."""

from services.demo.replay import ACTS, events, steps
from services.demo.story import quickened


def test_quickened_moments_hold_the_same_events_in_the_same_order() -> None:
    assert [one for moment in quickened(steps()) for one in moment.events] == events()


def test_moments_stay_single_until_the_last_act() -> None:
    moments = list(quickened(steps()))
    last = max(
        number
        for number, moment in enumerate(steps())
        if any(one["source"] in ACTS for one in moment.events)
    )
    assert moments[: last + 1] == list(steps()[: last + 1])
    assert len(moments) - last < 20
    assert moments[-1].at == steps()[-1].at


def test_a_story_cut_short_stays_single() -> None:
    assert list(quickened(steps()[:10])) == list(steps()[:10])
