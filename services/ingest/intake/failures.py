"""What a failed transaction means: the store is away, the moment was bad, or the event is."""

import sqlalchemy.exc

from shared.runtime.clock import ClockError
from shared.runtime.db import is_outage, is_transient


def store_is_down(error: BaseException) -> bool:
    """No request would fare better now."""
    return is_outage(error) or isinstance(error, ClockError | sqlalchemy.exc.TimeoutError)


def may_pass(error: BaseException) -> bool:
    """Deadlocks and timeouts, and rows that another process has just added."""
    return is_transient(error) or isinstance(error, sqlalchemy.exc.IntegrityError)
