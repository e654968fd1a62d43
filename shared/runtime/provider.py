"""What an OpenID Connect provider is asked over HTTP: its addresses, its keys, whom a code means.

Without the extra `oidc` this module cannot be imported; settings say so before.
"""

import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx2
from joserfc.jwk import Key
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.runtime.identity import Answer, Expected, Identity, ProviderAway, TokenRefused
from shared.runtime.identity_token import UnknownKey, read_keys, read_token
from shared.runtime.settings import OidcSettings, is_secure

TIMEOUT = 5.0
KEPT_SECONDS = 3600.0
"""How long what the provider says of itself, and its keys, are used without asking again."""
LOOK_AGAIN_SECONDS = 30.0
"""An unknown key makes us ask for the keys again, but not more often than this."""
MOST_BYTES = 512 * 1024


class Metadata(BaseModel):
    """OpenID Connect Discovery, section 3: what is needed of it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Provider:
    """One provider, asked as one client. One per process, shared by all threads."""

    def __init__(
        self,
        settings: OidcSettings,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, tuple[Key, ...]] | None = None
        self._failed = float("-inf")

    def authorization_url(self, state: str, nonce: str, challenge: str, *, again: bool) -> str:
        """Where to send the browser. `again`: the person has to sign in anew there, whoever is
        signed in already. Raises ProviderAway."""
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": self.settings.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if again:
            asked |= {"prompt": "login", "max_age": "0"}
        return _with_query(self.metadata().authorization_endpoint, asked)

    def logout_url(self) -> str | None:
        """Where to end the provider's own session; None where it offers no such place."""
        end = self.metadata().end_session_endpoint
        if end is None:
            return None
        back = f"{self.settings.public_url}/login"
        return _with_query(
            end, {"client_id": self.settings.client_id, "post_logout_redirect_uri": back}
        )

    def identify(self, answer: Answer, verifier: str, expected: Expected) -> Identity:
        """Whom the answer stands for. Raises TokenRefused, ProviderAway."""
        self._check_issuer(answer)
        token = self._redeem(answer.code, verifier)
        try:
            return read_token(token, self._current_keys(), expected)
        except UnknownKey:
            return read_token(token, self._current_keys(look_again=True), expected)

    def metadata(self) -> Metadata:
        """What the provider says of itself. Raises ProviderAway."""
        with self._turn() as now:
            if self._metadata is None or now - self._metadata[0] > KEPT_SECONDS:
                self._metadata = now, self._discover()
            return self._metadata[1]

    def _check_issuer(self, answer: Answer) -> None:
        """RFC 9207: an answer of another provider must not be redeemed at this one."""
        if answer.issuer is None:
            if self.metadata().authorization_response_iss_parameter_supported:
                raise TokenRefused("an answer without its issuer")
        elif answer.issuer != self.settings.issuer:
            raise TokenRefused("an answer of another issuer")

    def _discover(self) -> Metadata:
        where = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = Metadata.model_validate(_get(where))
        except ValidationError:
            raise ProviderAway("its configuration cannot be read") from None
        if found.issuer != self.settings.issuer:
            raise ProviderAway("its configuration names another issuer")
        places = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
        if not all(map(is_secure, (*places, found.end_session_endpoint or places[0]))):
            raise ProviderAway("its configuration names an address without TLS")
        return found

    def _current_keys(self, *, look_again: bool = False) -> tuple[Key, ...]:
        where = self.metadata().jwks_uri
        with self._turn() as now:
            kept = LOOK_AGAIN_SECONDS if look_again else KEPT_SECONDS
            if self._keys is None or now - self._keys[0] > kept:
                self._keys = now, read_keys(_get(where))
            return self._keys[1]

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """One asks at a time. Who waited while another's question failed fails with it: a provider
        that hangs must not hold one thread after another."""
        came = self._monotonic()
        with self._lock:
            if self._failed > came:
                raise ProviderAway("it does not answer")
            try:
                yield self._monotonic()
            except ProviderAway:
                self._failed = self._monotonic()
                raise

    def _redeem(self, code: str, verifier: str) -> str:
        """The ID token for a code."""
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json"}
        methods = self.metadata().token_endpoint_auth_methods_supported
        secret = self.settings.client_secret
        if secret is None or "client_secret_basic" not in methods:
            asked["client_id"] = self.settings.client_id
            asked |= {} if secret is None else {"client_secret": secret}
        else:
            headers["Authorization"] = _basic(self.settings.client_id, secret)
        response = _ask("POST", self.metadata().token_endpoint, data=asked, headers=headers)
        if 400 <= response.status_code < 500:
            raise TokenRefused("a code that the provider does not take")
        token = _json(response).get("id_token")
        if not isinstance(token, str):
            raise TokenRefused("no token")
        return token


def _get(url: str) -> Mapping[str, Any]:
    return _json(_ask("GET", url, headers={"Accept": "application/json"}))


def _ask(
    method: str, url: str, *, headers: Mapping[str, str], data: Mapping[str, str] | None = None
) -> httpx2.Response:
    """One exchange on a connection of its own: people sign in rarely. It may leave by the proxy
    that the environment names, unlike what services tell each other."""
    try:
        return httpx2.request(method, url, headers=headers, data=data, timeout=TIMEOUT)
    except httpx2.HTTPError:
        raise ProviderAway("it does not answer") from None


def _json(response: httpx2.Response) -> Mapping[str, Any]:
    if response.status_code != 200 or len(response.content) > MOST_BYTES:
        raise ProviderAway("it answers with an error")
    try:
        found = response.json()
    except ValueError:
        raise ProviderAway("it answers something that cannot be read") from None
    if not isinstance(found, dict):
        raise ProviderAway("it answers something that cannot be read")
    return found


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749, section 2.3.1: each part is form-encoded before it becomes HTTP Basic."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + b64encode(pair.encode()).decode()


def _with_query(url: str, asked: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"
