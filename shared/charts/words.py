"""What a subject's status is called, on pages as in pictures."""

from shared.contracts.assessment import SubjectStatus

SUBJECT_STATUS: dict[SubjectStatus, str] = {
    "not_started": "Not started",
    "in_window": "In window",
    "open": "Open: not known",
    "dlt_candidate": "DLT candidate",
    "dlt": "DLT",
    "completed": "Completed",
    "not_evaluable": "Not evaluable",
    "not_assessed": "Not assessed for DLT",
}
