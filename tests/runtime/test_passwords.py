"""Which passwords are taken, how they are kept, and how long a failure makes wait."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from shared.runtime.passwords import SHORTEST, Passwords, complaint, one_time
from shared.runtime.throttle import wait_of_login

SECRET = "correct horse battery staple"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        ("x" * SHORTEST, False),
        ("abcdefghijklmn", False),
        ("abcdefghijklmno", True),
        ("this is ada's own secret", False),
        (SECRET, True),
        ("e\u0301" * 10 + "abcde", True),
        (SECRET * 20, False),
    ],
)
def test_what_may_become_a_password(password: str, taken: bool) -> None:
    assert (complaint(password, "ada") is None) is taken


def test_a_password_is_the_same_however_it_is_composed() -> None:
    passwords = Passwords(CHEAP)
    stored = passwords.hash("caf\u00e9 caf\u00e9 caf\u00e9 caf\u00e9")
    assert passwords.match(stored, "cafe\u0301 cafe\u0301 cafe\u0301 cafe\u0301")
    assert not passwords.match(stored, "cafe cafe cafe cafe")


def test_passwords_are_kept_by_the_second_recommendation_of_rfc_9106() -> None:
    stored = Passwords().hash(SECRET)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not Passwords().outdated(stored)


def test_given_passwords_differ() -> None:
    assert len({one_time() for _ in range(50)}) == 50
    assert complaint(one_time(), "ada") is None


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (4, 0), (5, 30), (6, 60), (9, 480), (10, 900), (1000, 900)]
)
def test_the_wait_doubles_up_to_a_quarter_of_an_hour(failures: int, seconds: int) -> None:
    assert wait_of_login(failures) == timedelta(seconds=seconds)


def test_one_password_makes_two_hashes_and_nobody_has_one() -> None:
    passwords = Passwords(CHEAP)
    stored = passwords.hash(SECRET)
    assert stored != passwords.hash(SECRET)
    assert passwords.match(stored, SECRET)
    for known in (None, "", "plain text"):
        assert not passwords.match(known, SECRET)
        assert not passwords.match(known, "")
