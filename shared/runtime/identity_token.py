"""Reads an OpenID Connect ID token, or says in a word why not.

The only module that needs the extra `oidc`. Reasons never quote a token: they go to the log.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from shared.runtime.identity import LEEWAY, Expected, Identity, TokenRefused

OLDEST = timedelta(minutes=10)
"""A token is taken straight from the provider: an older one was made for something else."""
LONGEST_SUBJECT = 255
"""OpenID Connect Core, section 2."""
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
)  # fmt: skip
"""Signatures by a key that only the provider has. None by a shared secret, and never `none`."""


class UnknownKey(TokenRefused):
    """It names a key that is not in the set: the provider may have changed its keys."""


def read_keys(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """The keys of a JWK set that can check a signature; those of a kind unknown here are left out.

    A shared secret (`oct`) is never one: it would let the public key sign.
    """
    found = []
    for one in document.get("keys", ()):
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.get("kty") == "oct":
            continue
        try:
            found.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return tuple(found)


def read_token(token: str, keys: tuple[Key, ...], expected: Expected) -> Identity:
    """Whom the token speaks of. Raises TokenRefused, and UnknownKey where others may help."""
    claims = _signed_claims(token, keys)
    _check_parties(claims, expected)
    _check_times(claims, expected.now)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(), expected.nonce.encode()
    ):
        raise TokenRefused("another nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise TokenRefused("no subject")
    return Identity(expected.issuer, subject, _email(claims), _moment(claims, "auth_time"))


def _signed_claims(token: str, keys: tuple[Key, ...]) -> dict[str, Any]:
    try:
        header = jws.extract_compact(token.encode()).headers()
        if header.get("alg") not in ALGORITHMS:
            raise TokenRefused("an algorithm that is not taken")
        return jwt.decode(token, _key(keys, header.get("kid")), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError):
        raise TokenRefused("a signature that does not hold") from None


def _key(keys: tuple[Key, ...], kid: object) -> Key:
    """The key that the token names; the only one where it names none."""
    named = [key for key in keys if kid is None or key.kid == kid]
    if len(named) != 1:
        raise UnknownKey("an unknown key")
    return named[0]


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise TokenRefused("another issuer")
    audience = claims.get("aud")
    parties = audience if isinstance(audience, list) else [audience]
    if expected.client_id not in parties:
        raise TokenRefused("another audience")
    authorised = claims.get("azp")
    if authorised != expected.client_id and (authorised is not None or len(parties) > 1):
        raise TokenRefused("another authorised party")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    if expires is None or issued is None:
        raise TokenRefused("no times")
    if now >= expires + LEEWAY:
        raise TokenRefused("expired")
    begins = max(issued, _moment(claims, "nbf") or issued)
    if begins > now + LEEWAY:
        raise TokenRefused("issued in the future")
    if issued < now - OLDEST:
        raise TokenRefused("issued too long ago")


def _moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise TokenRefused("a time that is none") from None


def _email(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email")
    verified = claims.get("email_verified") is True
    return email.strip().lower() if verified and isinstance(email, str) else None
