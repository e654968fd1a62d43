"""Passwords are kept as argon2id with the parameters of RFC 9106, and nobody has the empty one."""

from argon2 import PasswordHasher

from shared.runtime.passwords import hash_password, is_outdated, is_password


def test_only_the_password_itself_fits() -> None:
    known = hash_password("correct horse")
    assert known.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert is_password("correct horse", known)
    assert not is_password("correct horse ", known)
    assert not is_password("", known)


def test_two_people_with_one_password_have_two_hashes() -> None:
    assert hash_password("same") != hash_password("same")


def test_nobody_has_no_password_and_junk_is_none() -> None:
    assert not is_password("", None)
    assert not is_password("x", None)
    assert not is_password("x", "plain text")


def test_weaker_parameters_are_outdated() -> None:
    assert is_outdated(PasswordHasher(time_cost=1).hash("x"))
    assert not is_outdated(hash_password("x"))
