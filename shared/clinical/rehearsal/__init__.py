"""Cases beside a study: what is given, and what must then stand.

A protocol is only understood when it has been tried on subjects somebody made up. A case is a YAML
file that reads as given / then; `rehearse` tells it to the core and says what came out otherwise.
Everything in a case is synthetic.
"""

from shared.clinical.rehearsal.case import Case, Expectation, read_case
from shared.clinical.rehearsal.stage import Stage
from shared.clinical.rehearsal.verdict import misses, rehearse, unmet

__all__ = ["Case", "Expectation", "Stage", "misses", "read_case", "rehearse", "unmet"]
