"""CTCAE: which grade a measured value has, in the version the protocol names.

The criteria are data (``v4_03/``, ``v5/``, ``v6/``), each version complete in itself: moving a
study to another version must be a visible change of its protocol, never of ours. A folder with a
``version.yaml`` beside them is another version, or a sponsor's own scale.

``grade(value, *, ctcae, baseline=None, is_baseline=False)`` gives one answer per term that names
the analyte, in both directions; ``()`` where no criterion names the test. ``compiled`` gives the
same criteria for one context, ready to grade any number of results and to draw (`Band`).
"""

from shared.clinical.ctcae.answers import Graded, NotGradable
from shared.clinical.ctcae.bands import Band, Compiled
from shared.clinical.ctcae.grading import compiled, grade, multiple_of_uln
from shared.clinical.ctcae.model import Answer, Measurement, Multiple, Term
from shared.clinical.ctcae.terms import term_of, terms, versions

__all__ = [
    "Answer",
    "Band",
    "Compiled",
    "Graded",
    "Measurement",
    "Multiple",
    "NotGradable",
    "Term",
    "compiled",
    "grade",
    "multiple_of_uln",
    "term_of",
    "terms",
    "versions",
]
