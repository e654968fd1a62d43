"""Configuration errors name the variable and never its value."""

from pathlib import Path

import pytest

from shared.runtime.settings import Settings, SettingsError


def test_an_empty_environment_means_the_embedded_default() -> None:
    settings = Settings.from_env({})
    assert settings.database_url is None
    assert settings.kafka is None
    assert settings.clock_file is None
    assert settings.limits.max_body_bytes == 16 * 1024 * 1024


def test_kafka_settings_are_passed_through() -> None:
    settings = Settings.from_env(
        {
            "KAFKA_BOOTSTRAP_SERVERS": "a:9092, b:9093",
            "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_PLAIN_USERNAME": "vigil",
            "KAFKA_SASL_PLAIN_PASSWORD": "hunter2",
            "KAFKA_PARTITIONS": "3",
            "VIGIL_CLOCK_FILE": "/run/clock",
        }
    )
    assert settings.kafka is not None
    assert settings.kafka.bootstrap_servers == ("a:9092", "b:9093")
    assert settings.kafka.security_protocol == "SASL_SSL"
    assert settings.kafka.sasl_plain_password == "hunter2"
    assert settings.kafka.partitions == 3
    assert settings.clock_file == Path("/run/clock")
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, "DATABASE_URL"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "hunter2"}, "KAFKA_BOOTSTRAP_SERVERS"),
        (
            {"KAFKA_BOOTSTRAP_SERVERS": "a:1", "KAFKA_SECURITY_PROTOCOL": "hunter2"},
            "KAFKA_SECURITY_PROTOCOL",
        ),
        (
            {"KAFKA_BOOTSTRAP_SERVERS": "a:1", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
            "KAFKA_SASL_MECHANISM",
        ),
        ({"KAFKA_BOOTSTRAP_SERVERS": "a:1", "KAFKA_PARTITIONS": "0"}, "KAFKA_PARTITIONS"),
        ({"VIGIL_MAX_BODY_BYTES": "hunter2"}, "VIGIL_MAX_BODY_BYTES"),
        ({"VIGIL_MAX_LINES": "-1"}, "VIGIL_MAX_LINES"),
        ({"VIGIL_LOG_LEVEL": "hunter2"}, "VIGIL_LOG_LEVEL"),
    ],
)
def test_an_error_names_the_variable_only(environ: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(environ)
    assert refused.value.variable == variable
    assert str(refused.value).startswith(f"{variable}: ")
    assert "hunter2" not in str(refused.value)
