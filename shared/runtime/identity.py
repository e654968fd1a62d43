"""What a sign-in at an OpenID Connect provider is about, in words that need no extra installed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

LEEWAY = timedelta(minutes=1)
"""How far the provider's clock and ours may be apart."""


class TokenRefused(Exception):
    """Why an answer or a token is not believed: a few fixed words, which never quote it."""


class ProviderAway(Exception):
    """The provider gives no usable answer: a few fixed words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider sent back through the browser; `issuer` as of RFC 9207."""

    code: str
    issuer: str | None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say, and the moment at which it is read."""

    issuer: str
    client_id: str
    nonce: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider has signed in. `email` only where the provider has verified it;
    `authenticated_at`, where it said when the person last gave a password or the like."""

    issuer: str
    subject: str
    email: str | None
    authenticated_at: datetime | None
