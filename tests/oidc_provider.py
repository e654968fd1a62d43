"""A small OpenID Connect provider over real HTTP, which can be told to misbehave.

It does what a relying party depends on: discovery, keys that rotate, codes that work once and only
with their PKCE verifier, `prompt=login`, `auth_time`, `iss` in the answer, and an end of session.
What is wrong with the next token is a test's choice (`Bad`).
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import Engine

from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import AccountInfo, create_account, list_accounts
from shared.runtime.clock import SystemClock
from shared.runtime.links import Link, link
from shared.runtime.passwords import Passwords

CLIENT, SECRET = "vigil", "s3cret & more"
PASSWORD = "correct horse battery staple"
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
Bad = Callable[[dict[str, Any]], None]
"""Changes the claims of the next token in place."""


@cache
def _first_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "first"})


@dataclass
class Person:
    """Somebody the provider knows, by the login typed at its page."""

    subject: str
    email: str
    verified: bool = True


@dataclass
class OidcProvider:
    """What the provider knows; a test changes it as it goes."""

    issuer: str = ""
    people: dict[str, Person] = field(default_factory=dict)
    secret: str | None = SECRET
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    bad: Bad | None = None
    signing: str = "RS256"
    answer_issuer: str | None = None
    away: bool = False
    elsewhere: str | None = None
    keys_asked: int = 0
    ended: list[dict[str, str]] = field(default_factory=list)
    sessions: dict[str, tuple[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = _first_key()

    def rotate(self) -> None:
        """Signs with another key from now on; the old one is gone from the set."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)})

    def app(self) -> FastAPI:
        app = FastAPI()
        app.middleware("http")(self._before)
        app.get("/.well-known/openid-configuration")(self._configuration)
        app.get("/keys")(self._keys)
        app.get("/authorize")(self._authorize)
        app.post("/authorize")(self._sign_in)
        app.post("/token")(self._token)
        app.get("/end")(self._end)
        return app

    async def _before(self, request: Request, call_next: Any) -> Response:
        if self.away:
            return JSONResponse({}, 503)
        response: Response = await call_next(request)
        return response

    async def _configuration(self) -> Any:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.elsewhere or self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/end",
            "authorization_response_iss_parameter_supported": True,
        }

    async def _keys(self) -> Any:
        self.keys_asked += 1
        return {"keys": [{**self.key.as_dict(private=False), "use": "sig", "alg": "RS256"}]}

    async def _authorize(self, request: Request) -> Response:
        """The page that asks who is there, unless the browser's session already says so."""
        asked = dict(request.query_params)
        self.asked.append(asked)
        known = self.sessions.get(request.cookies.get("op", ""))
        if known and asked.get("prompt") != "login":
            return self._back(asked, *known)
        hidden = json.dumps(asked).encode().hex()
        return HTMLResponse(
            '<title>Provider</title><link rel="icon" href="data:,">'
            f'<form method="post"><input name="asked" type="hidden"'
            f' value="{hidden}"><input id="who" name="who"><button>Sign in</button></form>'
        )

    async def _sign_in(self, request: Request) -> Response:
        fields = dict(parse_qsl((await request.body()).decode()))
        asked = json.loads(bytes.fromhex(fields["asked"]))
        if fields["who"] not in self.people:
            return self._redirect(asked, error="access_denied")
        now, cookie = time.time(), secrets.token_hex(8)
        self.sessions[cookie] = fields["who"], now
        response = self._back(asked, fields["who"], now)
        response.set_cookie("op", cookie)
        return response

    def _back(self, asked: dict[str, str], who: str, at: float) -> Response:
        return self._redirect(asked, code=self.code(asked, who, at))

    def code(self, asked: dict[str, str], who: str, at: float | None = None) -> str:
        """A code for what was asked, as if the person had signed in at `at`, or just now."""
        code = secrets.token_urlsafe(8)
        self.codes[code] = {"asked": asked, "who": who, "at": time.time() if at is None else at}
        return code

    def _redirect(self, asked: dict[str, str], **answer: str) -> Response:
        query = {"state": asked["state"], "iss": self.answer_issuer or self.issuer, **answer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(query)}", 303)

    async def _token(self, request: Request) -> Response:
        fields = dict(parse_qsl((await request.body()).decode()))
        made = self.codes.pop(fields.get("code", ""), None)
        if made is None or not self._client_is_right(request, fields):
            return JSONResponse({"error": "invalid_grant"}, 400)
        asked = made["asked"]
        digest = hashlib.sha256(fields["code_verifier"].encode()).digest()
        challenge = _base64(digest).decode()
        if challenge != asked["code_challenge"] or asked["code_challenge_method"] != "S256":
            return JSONResponse({"error": "invalid_grant"}, 400)
        if fields["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = self.token(self._claims(asked, made))
        return JSONResponse({"id_token": token, "access_token": "x", "token_type": "Bearer"})

    def _client_is_right(self, request: Request, fields: dict[str, str]) -> bool:
        if self.secret is None:
            return fields.get("client_id") == CLIENT
        pair = urlencode({CLIENT: self.secret}).replace("=", ":")
        wanted = "Basic " + base64.b64encode(pair.encode()).decode()
        return request.headers.get("authorization") == wanted

    def _claims(self, asked: dict[str, str], made: dict[str, Any]) -> dict[str, Any]:
        person, now = self.people[made["who"]], int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": person.subject,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            "email": person.email,
            "email_verified": person.verified,
        }
        if "max_age" in asked:
            claims["auth_time"] = int(made["at"])
        if self.bad is not None:
            self.bad(claims)
            self.bad = None
        return claims

    def token(self, claims: dict[str, Any]) -> str:
        """Signed as `signing` says: rightly, not at all, or with the public key as a secret."""
        header = {"alg": self.signing, "kid": self.key.kid}
        if self.signing == "RS256":
            return jwt.encode(header, claims, self.key)
        signed = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        mac = hmac.digest(self.key.as_pem(private=False), signed, "sha256")
        return b".".join([signed, b"" if self.signing == "none" else _base64(mac)]).decode()

    async def _end(self, request: Request) -> Response:
        self.ended.append(dict(request.query_params))
        self.sessions.pop(request.cookies.get("op", ""), None)
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 303)


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def sign_in_at(url: str, who: str) -> dict[str, str]:
    """What a person does at the provider, and the parameters with which it sends them back."""
    with httpx2.Client(trust_env=False, timeout=60) as client:
        page = client.get(url)
        hidden = page.text.split('value="')[1].split('"')[0]
        back = client.post(page.url, data={"asked": hidden, "who": who})
    return dict(parse_qsl(urlsplit(back.headers["location"]).query))


@pytest.fixture
def provider(live_server: Callable[[FastAPI], str]) -> OidcProvider:
    """A provider that knows three people; at another site than what runs at 127.0.0.1."""
    made = OidcProvider(
        people={
            "ada": Person("sub-ada", "Ada@example.org"),
            "bob": Person("sub-bob", "bob@example.org"),
            "eve": Person("sub-eve", "eve@example.org"),
        }
    )
    made.issuer = live_server(made.app()).replace("127.0.0.1", "localhost")
    return made


@pytest.fixture
def account(engine: Engine, provider: OidcProvider) -> Callable[..., AccountInfo]:
    """Makes an account: `account("ada", subject="sub-ada")`, or with an `email` to come."""

    def make(
        login: str, role: str = "committee_member", study: str = "S1", **whose: str
    ) -> AccountInfo:
        now = SystemClock().now()
        with engine.begin() as conn:
            made, _ = create_account(
                conn,
                CHEAP,
                login,
                f"Dr. {login.title()}",
                [(study, role)],
                by=OPERATOR,
                now=now,
                password=PASSWORD,
            )
            found = next(one for one in list_accounts(conn, now) if one.account_id == made)
            if whose:
                link(conn, CHEAP, found, Link(provider.issuer, **whose), OPERATOR, now)
        return found

    return make
