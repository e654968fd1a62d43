"""Addresses are checked when the console starts, not when the first page is asked for."""

import pytest

from services.console.settings import ConsoleSettings
from shared.runtime.settings import SettingsError


def test_addresses_come_from_the_environment() -> None:
    settings = ConsoleSettings.from_env(
        {
            "VIGIL_MONITOR_URL": "http://dlt_monitor:8000/",
            "VIGIL_NOTIFIER_URL": "https://notifier.example",
            "VIGIL_INGEST_URL": "http://ingest:8000",
        }
    )
    assert settings.monitor_url == "http://dlt_monitor:8000"
    assert settings.notifier_url == "https://notifier.example"
    assert settings.ingest_url == "http://ingest:8000"


@pytest.mark.parametrize("wrong", ["monitor:8000", "ftp://monitor", "http://", "http://m/?a=b"])
def test_what_is_no_address_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(SettingsError, match="VIGIL_MONITOR_URL"):
        ConsoleSettings.from_env({"VIGIL_MONITOR_URL": wrong})


def test_credentials_in_an_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="VIGIL_NOTIFIER_URL") as refused:
        ConsoleSettings.from_env({"VIGIL_NOTIFIER_URL": "http://me:hunter2@notifier"})
    assert "hunter2" not in str(refused.value)
