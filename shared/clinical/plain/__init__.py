"""The protocol document in plain English: for those who sign it, and for those who compare two.

`explain` says everything the document says, defaults included; `differences` says what an amendment
changes; `written_out` is the document again, with every default.
"""

from shared.clinical.plain.page import differences, explain
from shared.clinical.plain.written import written_out

__all__ = ["differences", "explain", "written_out"]
