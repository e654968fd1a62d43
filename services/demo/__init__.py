"""The demo: a synthetic replay of NCT05301764, matched to its published totals, told as it happens.

No patient-level data of the trial are public. Every subject, date and value here is made up so that
the totals agree with the published ones; whatever shows them says so (`LABEL`).
"""

STUDY = "NCT05301764"
LABEL = "SYNTHETIC, matched to published totals"
