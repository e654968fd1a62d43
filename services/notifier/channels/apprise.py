"""Chat and SMS by way of `apprise`, an optional extra (``chat``).

Its addresses hold tokens, so routings name targets and the operator says what each name is; whom a
target may reach is therefore the operator's word, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from services.notifier.channels import Outcome, Outgoing
from shared.document import DocumentError, read_yaml


def read_targets(path: Path) -> dict[str, str]:
    """The targets of a strict YAML file: a name and an apprise address each.

    ValueError, never quoting an address, where it is something else.
    """
    try:
        value = read_yaml(path.read_text("utf-8")).value
    except (OSError, UnicodeDecodeError):
        raise ValueError("names a file that cannot be read") from None
    except DocumentError as error:
        raise ValueError(f"names a file with a fault on line {error.findings[0].line}") from None
    if not isinstance(value, dict) or not all(isinstance(url, str) for url in value.values()):
        raise ValueError("names a file that is no mapping of names to addresses")
    return value


class AppriseSender:
    """Hands each message to the service behind a target. The service's own answer is not to be
    had: apprise says only whether it took the message."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        self._targets = targets

    def send(self, message: Outgoing) -> Outcome:
        url = self._targets.get(message.address)
        if url is None:
            return Outcome(False, "not sent: the operator has configured no target of this name")
        try:
            import apprise
        except ImportError:
            return Outcome(False, "not sent: the extra chat is not installed")
        service = apprise.Apprise()
        if not service.add(url):
            return Outcome(False, "not sent: the target's address is none that apprise knows")
        taken = service.notify(body=message.text, title=message.subject)
        return Outcome(bool(taken), "taken by the service" if taken else "the service refused it")
