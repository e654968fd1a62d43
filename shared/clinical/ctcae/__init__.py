"""CTCAE: which grade a laboratory value has, in the version the protocol names.

The criteria are data (``v4_03/``, ``v5/``, ``v6/``), each version complete in itself: moving a
study to another version must be a visible change of its protocol, never of ours.

``grade(value, *, ctcae, baseline=None, is_baseline=False)`` gives one answer per term that names
the analyte, in both directions; ``()`` where no criterion names the test. ``baseline=None`` means
that no baseline is known; ``is_baseline=True`` says that the value *is* the baseline sample, which
is graded on its range alone.
"""

from shared.clinical.ctcae.grading import grade, multiple_of_uln
from shared.clinical.ctcae.model import Graded, LabValue, Multiple, NotGradable, Term
from shared.clinical.ctcae.terms import term_of, terms, versions

__all__ = [
    "Graded",
    "LabValue",
    "Multiple",
    "NotGradable",
    "Term",
    "grade",
    "multiple_of_uln",
    "term_of",
    "terms",
    "versions",
]
