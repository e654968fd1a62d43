"""Turns facts into assessments: the one place where a study's state is worked out and kept."""
