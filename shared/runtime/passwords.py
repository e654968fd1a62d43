"""Passwords of people, as argon2id hashes (RFC 9106, second recommended option: 64 MiB, 3 passes,
4 lanes)."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()
_OF_NOBODY = _HASHER.hash("")


def hash_password(password: str) -> str:
    """A new salt each time; the parameters are part of the text."""
    return _HASHER.hash(password)


def is_password(password: str, known: str | None) -> bool:
    """Whether `password` made the hash. None is somebody unknown: that takes as long, and is no."""
    try:
        _HASHER.verify(known or _OF_NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return known is not None


def is_outdated(known: str) -> bool:
    """Whether the hash was made with other parameters than are used today."""
    return _HASHER.check_needs_rehash(known)
