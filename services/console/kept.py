"""What has been read, made or written of the services' answers, kept for whoever asks next.

Every page still asks the services, with the credential of the person who wants it: what is kept
only spares making the same thing of the same answer again. A key names all that a thing is made of,
an answer by its digest, so nothing kept is ever out of date or shown to who may not see it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Kept(Generic[Thing]):
    """At most so many; what has not been asked for longest gives way."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[Hashable, Thing] = OrderedDict()

    def find(self, key: Hashable) -> Thing | None:
        """The thing if it is kept."""
        if key in self._things:
            self._things.move_to_end(key)
        return self._things.get(key)

    def keep(self, key: Hashable, thing: Thing) -> Thing:
        """Keeps the thing, and gives it back."""
        self._things[key] = thing
        if len(self._things) > self._most:
            self._things.popitem(last=False)
        return thing

    def get(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """The thing, made where it is not kept."""
        found = self.find(key)
        return self.keep(key, make()) if found is None else found
