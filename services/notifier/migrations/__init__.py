"""History of the schema `notifier`: alerts, deliveries, routing, acknowledgements."""

SCHEMA = "notifier"
