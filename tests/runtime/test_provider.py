"""Asking the provider: its keys and what it says of itself are kept, and looked at again."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx2
import pytest

from shared.runtime.identity import Answer, Expected, Identity, ProviderAway, TokenRefused
from shared.runtime.provider import KEPT_SECONDS, LOOK_AGAIN_SECONDS, Provider
from shared.runtime.settings import OidcSettings, Settings, SettingsError
from tests.oidc_provider import CLIENT, SECRET, OidcProvider, sign_in_at

VERIFIER = "v" * 43
CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"


class Elapsed:
    """A monotonic clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def elapsed() -> Elapsed:
    return Elapsed()


@pytest.fixture
def asked(provider: OidcProvider, elapsed: Elapsed) -> Provider:
    settings = OidcSettings(provider.issuer, CLIENT, "http://127.0.0.1:9", SECRET)
    return Provider(settings, monotonic=elapsed)


def identity(asked: Provider) -> Identity:
    url = asked.authorization_url("state", "nonce", CHALLENGE, again=False)
    back = sign_in_at(url, "ada")
    expected = Expected(asked.settings.issuer, CLIENT, "nonce", datetime.now(UTC))
    return asked.identify(Answer(back["code"], back["iss"]), VERIFIER, expected)


def test_an_unknown_key_is_looked_for_but_not_at_will(
    asked: Provider, provider: OidcProvider, elapsed: Elapsed
) -> None:
    assert identity(asked).subject == "sub-ada"
    assert identity(asked).email == "ada@example.org"
    assert provider.keys_asked == 1
    provider.rotate()
    with pytest.raises(TokenRefused, match="an unknown key"):
        identity(asked)
    assert provider.keys_asked == 1
    elapsed.seconds += LOOK_AGAIN_SECONDS + 1
    assert identity(asked).subject == "sub-ada"
    assert provider.keys_asked == 2


def test_what_is_kept_outlasts_an_outage_of_the_provider(
    asked: Provider, provider: OidcProvider, elapsed: Elapsed
) -> None:
    issuer = asked.metadata().issuer
    provider.away = True
    elapsed.seconds += KEPT_SECONDS
    assert asked.metadata().issuer == issuer
    elapsed.seconds += 1
    with pytest.raises(ProviderAway):
        asked.metadata()


def test_who_waits_for_a_provider_that_hangs_does_not_ask_it_again(
    asked: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []
    everybody = threading.Barrier(5)

    def came() -> float:
        moment = time.monotonic()
        if threading.current_thread() not in here:
            here.add(threading.current_thread())
            everybody.wait(30)
        return moment

    def hangs(method: str, url: str, **_: object) -> httpx2.Response:
        questions.append(url)
        raise httpx2.ReadTimeout("")

    def ask() -> None:
        with pytest.raises(ProviderAway):
            waits.metadata()

    here = {threading.current_thread()}
    monkeypatch.setattr(httpx2, "request", hangs)
    waits = Provider(asked.settings, monotonic=came)
    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(ask) for _ in range(5)]:
            done.result()
    assert len(questions) == 1
    ask()
    assert len(questions) == 2, "a question of its own, after that"


@pytest.mark.parametrize("issuer", ["https://other.example.org", "http://example.org", ""])
def test_a_provider_that_names_another_issuer_is_not_used(
    asked: Provider, provider: OidcProvider, issuer: str
) -> None:
    provider.issuer = issuer
    with pytest.raises(ProviderAway, match="another issuer"):
        asked.metadata()


def test_nothing_goes_to_an_address_without_tls(asked: Provider, provider: OidcProvider) -> None:
    provider.elsewhere = "http://example.org"
    with pytest.raises(ProviderAway, match="without TLS"):
        asked.metadata()


def test_the_settings_say_what_is_missing() -> None:
    env = {"VIGIL_OIDC_ISSUER": "https://login.example.org/", "VIGIL_OIDC_CLIENT_ID": "vigil"}
    for wrong, variable in (
        ({}, "VIGIL_PUBLIC_URL"),
        ({"VIGIL_PUBLIC_URL": "http://vigil.example.org"}, "VIGIL_PUBLIC_URL"),
        ({"VIGIL_PUBLIC_URL": "https://v", "VIGIL_OIDC_CLIENT_ID": ""}, "VIGIL_OIDC_CLIENT_ID"),
        ({"VIGIL_PUBLIC_URL": "https://v", "VIGIL_OIDC_SCOPES": "email"}, "VIGIL_OIDC_SCOPES"),
        ({"VIGIL_OIDC_ISSUER": "ftp://login"}, "VIGIL_OIDC_ISSUER"),
    ):
        with pytest.raises(SettingsError) as refused:
            Settings.from_env({**env, **wrong})
        assert refused.value.variable == variable
    oidc = Settings.from_env({**env, "VIGIL_PUBLIC_URL": "https://v/"}).oidc
    assert oidc is not None
    assert (oidc.issuer, oidc.redirect_uri) == (
        "https://login.example.org/",
        "https://v/provider/answer",
    )
    assert Settings.from_env({}).oidc is None


def test_without_the_extra_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.runtime.settings.find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match=r"VIGIL_OIDC_ISSUER: needs the extra: .*oidc"):
        Settings.from_env({"VIGIL_OIDC_ISSUER": "https://login.example.org"})
