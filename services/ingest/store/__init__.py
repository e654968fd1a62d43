"""The schema `ingest`: deliveries, record versions, refusals, answers to be repeated."""

LOCK_SPACE = "ingest"
"""Every transaction here that judges a study's records locks the study in this space first."""
