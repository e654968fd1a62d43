"""Draws the picture of the alerts' guide: a mail with its chart, on a phone.

``python -m tests.docs.mail_page`` writes docs/images/mail-chart.png.
"""

from __future__ import annotations

import base64
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from services.notifier.channels.email import EmailSender
from services.notifier.illustrating import illustrated
from services.notifier.store.pictures import Drawn, Picture
from services.notifier.wording import outgoing
from shared.charts.drawer import Drawer
from shared.runtime.clock import ManualClock
from tests.services.console.browser import chromium
from tests.services.notifier.picture_support import DemoMonitor, demo_signal, page_of, pngs_of
from tests.services.notifier.test_wording import ALERT, DELIVERY

IMAGES = Path(__file__).parents[2] / "docs" / "images"
PHONE = 390


def mail() -> EmailMessage:
    """As it goes out about the platelets of the demo."""
    signal = demo_signal()
    alert = replace(
        ALERT,
        study=signal.study,
        signal=signal.model_dump(mode="json"),
        details={"email": ["type", "subject", "chart"]},
        synthetic=True,
    )
    drawer = Drawer()
    drawn = illustrated(alert, DemoMonitor(), drawer)
    drawer.close()
    assert isinstance(drawn, Drawn)
    message = outgoing(
        alert,
        DELIVERY,
        public_url="https://vigil.example.org",
        picture=Picture(None, drawn.png, drawn.words),
    )
    clock = ManualClock(datetime(2026, 1, 15, 12, tzinfo=UTC))
    return EmailSender(None, sender="vigil@example.org", clock=clock).compose(message)


def main(target: Path = IMAGES / "mail-chart.png") -> None:
    """The page of the mail, with the picture in it as a reader's program puts it there."""
    made = mail()
    name = made.get_body(("related",)).get_payload()[1]["Content-ID"].strip("<>")  # type: ignore[union-attr,index]
    inline = "data:image/png;base64," + base64.b64encode(pngs_of(made)[0]).decode()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        page = Path(folder) / "mail.html"
        page.write_text(page_of(made).replace(f"cid:{name}", inline), "utf-8")
        browser.resize(PHONE, 844)
        browser.open(page.as_uri())
        browser.screenshot(target)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
