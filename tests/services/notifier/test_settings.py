"""The notifier's settings: what is read, and errors that name the variable and not its value."""

from __future__ import annotations

import pytest

from services.notifier.channels.email import MailServer
from services.notifier.settings import NotifierSettings
from shared.runtime.settings import SettingsError

KEY = "vigil_0123456789ab_" + "x" * 43


def test_everything_has_a_default() -> None:
    assert NotifierSettings.from_env({}) == NotifierSettings()
    assert NotifierSettings().mail is None


def test_everything_can_be_set() -> None:
    found = NotifierSettings.from_env(
        {
            "SMTP_URL": "smtps://u:p@mail.example.org",
            "VIGIL_MAIL_FROM": "vigil@example.org",
            "VIGIL_PUBLIC_URL": "https://vigil.example.org/",
            "VIGIL_WEBHOOK_TRUSTED_HOSTS": "Gateway.local, 10.0.0.5:8443,",
            "VIGIL_MONITOR_URL": "http://dlt_monitor:8000/",
            "VIGIL_NOTIFIER_KEY": KEY,
        }
    )
    assert found == NotifierSettings(
        mail=MailServer("mail.example.org", 465, "smtps", "u", "p"),
        mail_sender="vigil@example.org",
        public_url="https://vigil.example.org",
        trusted_webhook_hosts=frozenset({"gateway.local", "10.0.0.5:8443"}),
        monitor_url="http://dlt_monitor:8000",
        monitor_key=KEY,
    )
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SMTP_URL", "smtp://u:secret@mail.example.org"),
        ("SMTP_URL", "secret"),
        ("VIGIL_MAIL_FROM", "secret"),
        ("VIGIL_MAIL_FROM", "secret@a, b@c"),
        ("VIGIL_PUBLIC_URL", "secret"),
        ("VIGIL_PUBLIC_URL", "https://"),
        ("VIGIL_MONITOR_URL", "secret"),
        ("VIGIL_NOTIFIER_KEY", "secret"),
        ("VIGIL_NOTIFIER_KEY", f"{KEY}\nX: secret"),
    ],
)
def test_an_error_names_the_variable_and_not_its_value(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        NotifierSettings.from_env({variable: value})
    assert refused.value.variable == variable
    assert "secret" not in str(refused.value)
