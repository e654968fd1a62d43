"""Which event log the settings ask for: the broker, or the database alone."""

from sqlalchemy import Engine

from shared.runtime.bus import Bus
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics
from shared.runtime.wakeup import Wakeup


def bus_from_settings(
    settings: Settings,
    engine: Engine,
    metrics: Metrics | None = None,
    wakeup: Wakeup | None = None,
) -> Bus:
    """Kafka when KAFKA_BOOTSTRAP_SERVERS is set, otherwise the outbox table itself."""
    if settings.kafka is None:
        return PostgresBus(engine, wakeup)
    # The client library is only loaded where there is a broker.
    from shared.runtime.kafka_bus import KafkaBus

    return KafkaBus(engine, settings.kafka, metrics=metrics, wakeup=wakeup)
