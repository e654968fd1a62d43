"""History of the schema `bus`: the event log, the consumers' positions, the parked messages."""

SCHEMA = "bus"
