"""The schema `dlt_monitor`: what is known of each study, and everything ever said about it.

Facts, assessments, graded results, signals and answers are only ever added; triggers refuse the
rest. All writes happen under the study's advisory lock (`lock_studies`, space `LOCK_SPACE`).
"""

LOCK_SPACE = "dlt_monitor"
