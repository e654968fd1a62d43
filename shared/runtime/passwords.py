"""Passwords: which are taken, and how they are kept and checked.

argon2id with the second recommendation of RFC 9106, section 4: 3 passes, 4 lanes, 64 MiB. A
password is compared as Unicode NFC, as RFC 8265 (OpaqueString) asks.
"""

import secrets
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

SHORTEST = 15
"""NIST SP 800-63B-4, section 3.1.1.2: a password that is the only factor has 15 characters."""
LONGEST = 256
MOST_AT_ONCE = 4
"""Each check takes 64 MiB: guesses in parallel may not take all of a machine's memory."""

_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"


class Passwords:
    """Hashes and checks passwords; one per process, shared by all threads."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._turns = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._nobodys: str | None = None

    def hash(self, password: str) -> str:
        with self._turns:
            return self._hasher.hash(_same(password))

    def match(self, stored: str | None, password: str) -> bool:
        """Whether it is the password. None, for nobody's: the same work, and False."""
        if stored is None and self._nobodys is None:
            self._nobodys = self.hash(secrets.token_urlsafe(16))
        with self._turns:
            try:
                self._hasher.verify(stored or self._nobodys or "", _same(password))
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether it was hashed with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def complaint(password: str, login: str) -> str | None:
    """Why it may not become a password, or None. Never quotes it."""
    if len(_same(password)) < SHORTEST:
        return f"a password has at least {SHORTEST} characters; several words are easily kept"
    if len(password) > LONGEST:
        return f"a password has at most {LONGEST} characters"
    if len(set(password)) < 5 or login in password.lower():
        return "a password is not one's login name, nor a few characters again and again"
    return None


def one_time() -> str:
    """A random password to be typed once: 20 characters of 31, 99 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(5)) for _ in range(4))


def _same(password: str) -> str:
    return unicodedata.normalize("NFC", password)
