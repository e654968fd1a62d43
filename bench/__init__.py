"""Benchmarks. Each prints a ratio to a bare baseline that was measured in the same run.

Absolute figures belong to a machine and its mood; the ratio says what Vigil itself costs.
"""
