"""Public data sets grade without a crash, and as the documentation says they do."""

from __future__ import annotations

from tests.clinical.ctcae.public_data_summary import FILES, PAGE, page
from tests.clinical.public_data_support import needs


def test_the_page_says_what_grading_says() -> None:
    for path in FILES.values():
        needs("data", *path.parts[-2:])
    assert PAGE.read_text("utf-8") == page()
