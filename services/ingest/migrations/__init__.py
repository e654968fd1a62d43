"""The history of the schema `ingest`."""

SCHEMA = "ingest"
