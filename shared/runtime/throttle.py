"""How often a password may be tried: counted before it is looked at, alike for every login.

A login waits longer after each further failure, whether or not it exists. An address, behind
which a whole hospital may sit, is never shut: beyond a large allowance it is slowed down, and
whoever has signed in from there before is not even that. Ways to a provider are counted by the
address alone: nobody can say yet who is going.
"""

import hashlib
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Network, ip_address

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from shared.runtime.problems import Problem

FREE_FAILURES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
ADDRESS_ALLOWANCE = 100.0
ADDRESS_REFILL = timedelta(seconds=6)
"""An address gets one failure of its allowance back after so long."""
FORGET = timedelta(days=1)
REMEMBER = timedelta(days=90)
"""How long a login counts as one that is used from an address."""

_LOCK = sa.text(
    "INSERT INTO access.attempt AS a (subject, failures, at)"
    " SELECT subject, 0, :now FROM unnest(CAST(:subjects AS bytea[])) AS subject ORDER BY subject"
    " ON CONFLICT (subject) DO UPDATE SET failures = a.failures RETURNING subject, failures, at"
)
_FORGET = sa.text("DELETE FROM access.attempt WHERE at < :known OR failures > 0 AND at < :failed")
_KNOWN = sa.text(
    "INSERT INTO access.attempt (subject, failures, at) VALUES (:subject, 0, :now)"
    " ON CONFLICT (subject) DO UPDATE SET at = :now"
)
_COUNT = sa.text(
    "UPDATE access.attempt SET failures = :failures, at = :now WHERE subject = :subject"
)
_GIVE_BACK = sa.text(
    "UPDATE access.attempt SET failures = greatest(failures - 1, 0) WHERE subject = :subject"
)


def wait_of_login(failures: float) -> timedelta:
    """How long after a failure the login waits: 30 s after the fifth, doubled up to 15 min."""
    if failures < FREE_FAILURES:
        return timedelta()
    doublings = min(int(failures) - FREE_FAILURES, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def count_attempt(conn: Connection, login: str, address: str | None, now: datetime) -> None:
    """Counts a try as failed until `forgive`. Raises Problem 429 where it has to wait."""
    of_login, of_address = _subject("login", login), _subject("address", _place(address))
    subjects = [of_login] if address is None else [of_login, of_address]
    conn.execute(_FORGET, {"failed": now - FORGET, "known": now - REMEMBER})
    rows = {
        bytes(row.subject): row
        for row in conn.execute(_LOCK, {"now": now, "subjects": subjects}).all()
    }
    mine = rows[of_login]
    _refuse_before(mine.at + wait_of_login(mine.failures), now)
    counted = {of_login: mine.failures + 1}
    if address is not None:
        level = _level(rows[of_address], now)
        if level > ADDRESS_ALLOWANCE - 1 and not _is_known(conn, login, address):
            _refuse_before(now + ADDRESS_REFILL, now)
        counted[of_address] = level + 1
    for subject, failures in counted.items():
        conn.execute(_COUNT, {"subject": subject, "failures": failures, "now": now})


def forgive(conn: Connection, login: str, address: str | None, now: datetime) -> None:
    """The try that was counted was a good one; the login's earlier failures are forgotten too."""
    if address is not None:
        conn.execute(_KNOWN, {"subject": _used_from(login, address), "now": now})
    conn.execute(
        sa.text("DELETE FROM access.attempt WHERE subject = :subject"),
        {"subject": _subject("login", login)},
    )
    conn.execute(_GIVE_BACK, {"subject": _subject("address", _place(address))})


def count_trip(conn: Connection, address: str | None, now: datetime) -> None:
    """Counts a way to the provider as one that leads nowhere, until `forgive_trip`. Raises Problem
    429 where the address's allowance, which is as large as that of passwords, is used up."""
    if address is None:
        return
    subject = _subject("trip", _place(address))
    conn.execute(_FORGET, {"failed": now - FORGET, "known": now - REMEMBER})
    level = _level(conn.execute(_LOCK, {"now": now, "subjects": [subject]}).one(), now)
    if level > ADDRESS_ALLOWANCE - 1:
        _refuse_before(now + ADDRESS_REFILL, now)
    conn.execute(_COUNT, {"subject": subject, "failures": level + 1, "now": now})


def forgive_trip(conn: Connection, address: str | None) -> None:
    """Somebody who has an account came back over it."""
    conn.execute(_GIVE_BACK, {"subject": _subject("trip", _place(address))})


def locked_until(conn: Connection, login: str, now: datetime) -> datetime | None:
    """Until when the login has to wait, if it does."""
    row = conn.execute(
        sa.text("SELECT failures, at FROM access.attempt WHERE subject = :subject"),
        {"subject": _subject("login", login)},
    ).one_or_none()
    until = row.at + wait_of_login(row.failures) if row else now
    return until if until > now else None


def _level(row: "Row[tuple[object, ...]]", now: datetime) -> float:
    """How much of its allowance an address has used and not got back."""
    left: float = row.failures - (now - row.at) / ADDRESS_REFILL
    return max(0.0, left)


def _is_known(conn: Connection, login: str, address: str) -> bool:
    known = sa.text("SELECT EXISTS (SELECT FROM access.attempt WHERE subject = :subject)")
    return bool(conn.execute(known, {"subject": _used_from(login, address)}).scalar_one())


def _used_from(login: str, address: str) -> bytes:
    return _subject("known", f"{_place(address)}/{login}")


def _place(address: str | None) -> str:
    """What counts as one address. Of IPv6 it is the network of 64 bits, the least that anybody is
    given (RFC 6177): its 2^64 addresses would be as many allowances."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found, 64), strict=False))


def _refuse_before(until: datetime, now: datetime) -> None:
    if until > now:
        seconds = -((now - until) // timedelta(seconds=1))
        raise Problem(
            429,
            "too-many-tries",
            "Too many failed tries",
            f"try again in {seconds} seconds",
            headers={"Retry-After": str(seconds)},
        )


def _subject(kind: str, text: str) -> bytes:
    return hashlib.sha256(f"{kind}/{text}".encode()).digest()
