"""The history of the schema `dlt_monitor`."""

SCHEMA = "dlt_monitor"
