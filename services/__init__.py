"""The services, each a process of its own: they share contracts and a runtime, never a table."""

HISTORIES = (
    "shared.runtime",
    "shared.runtime.access",
    "services.ingest",
    "services.dlt_monitor",
    "services.notifier",
)
"""The packages that have tables, in the order in which `migrate` makes them."""
