"""The demo's trial in a running Vigil, told up to a day, and then told on moment by moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import httpx2

from services.demo.replay import ACTS, Step, steps
from services.demo.story import Story, post_events
from tests.scenarios.installation import Installation, installation


@dataclass(slots=True)
class Trial:
    """`coming` is what is not told yet; `facts` how many were posted, the protocol among them."""

    vigil: Installation
    coming: list[Step]
    facts: int = 1

    def tell_records(self, until: date) -> None:
        """Posts what sites and laboratories state up to the end of the day (UTC); what people
        decide in the story is left out, for somebody else to decide it."""
        while self.coming and self.coming[0].at.date() <= until:
            moment = self.coming.pop(0)
            stated = [one for one in moment.events if one["source"] not in ACTS]
            self.vigil.clock.set(moment.at)
            with httpx2.Client(base_url=self.vigil.url, timeout=60) as client:
                for one in stated:
                    post_events(client, self.vigil.keys.sources[one["source"]], [one])
            self.facts += len(stated)
            self.vigil.wait_for_facts(self.facts)


@contextmanager
def told_trial(database_url: str, until: date) -> Iterator[Trial]:
    """A Vigil that has heard the story up to the end of the day (UTC)."""
    told = [step for step in steps() if step.at.date() <= until]
    coming = list(steps()[len(told) :])
    with installation(database_url) as vigil:
        Story(vigil.url, vigil.keys, vigil.clock).tell(told)
        yield Trial(vigil, coming, 1 + sum(len(step.events) for step in told))
