"""The whole document as a page to sign, and two documents side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from textwrap import fill

from shared.clinical.plain.criterion import boundary, criterion, futility
from shared.clinical.plain.study import section
from shared.clinical.plain.written import written_out
from shared.clinical.protocol import Protocol

Topic = tuple[str, str]
"""A heading, and below it a criterion where it is one of several."""

_HEADINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Study", ("title", "study", "version", "format", "synthetic", "ctcae", "time_zone", "sites")),
    ("Treatments and dose levels", ("treatments", "doses", "arms", "counted_parts")),
    ("DLT window", ("window", "windows", "next_dose")),
    ("Who counts", ("evaluability", "completeness", "sentinel")),
    ("Attribution and judgement", ("attribution", "adjudicators")),
    ("Grading", ("conventions", "worst_case", "scales", "term_groups")),
)
_WIDTH = 98


def _topics(protocol: Protocol) -> dict[Topic, tuple[str, ...]]:
    """Everything the document says, by topic; a section no heading names has one of its own."""
    named = {name for _, names in _HEADINGS for name in names} | {"dlt", "stopping", "futility"}
    rest = [name for name in Protocol.model_fields if name not in named]
    headings = [*_HEADINGS, *((name.replace("_", " ").capitalize(), (name,)) for name in rest)]
    found: dict[Topic, tuple[str, ...]] = {}
    for heading, names in headings:
        found[heading, ""] = tuple(one for name in names for one in section(protocol, name))
    for rule in protocol.dlt.criteria:
        found["DLT criteria", rule.id] = tuple(criterion(rule))
    for stop in protocol.stopping:
        found["Stopping rules", stop.id] = (*criterion(stop), *boundary(stop))
    for look in protocol.futility:
        found["Futility", look.id] = tuple(futility(look))
    return {topic: sentences for topic, sentences in found.items() if sentences}


def explain(protocol: Protocol) -> str:
    """The document in plain English, with a digest that names exactly these rules."""
    lines = [f"{protocol.study}, version {protocol.version}: what the protocol document says"]
    last = ""
    for (heading, name), sentences in _topics(protocol).items():
        lines += ["", f"## {heading}"] if heading != last else []
        lines += ["", f"### {name}"] if name else [""]
        lines += [_item(sentence) for sentence in sentences]
        last = heading
    digest = hashlib.sha256(written_out(protocol).encode()).hexdigest()
    lines += [
        "",
        "Any one of the DLT criteria makes a candidate, which a person confirms or rejects.",
    ]
    return "\n".join([*lines, "", f"Digest of these rules: sha256:{digest}", ""])


def differences(old: Protocol, new: Protocol) -> str:
    """What the second document says otherwise than the first; empty where they say the same."""
    before, after = _topics(old), _topics(new)
    topics = [*before, *(topic for topic in after if topic not in before)]
    changed = [topic for topic in topics if before.get(topic) != after.get(topic)]
    if not changed:
        return ""
    lines = [f"{new.study}: from version {old.version} to version {new.version}"]
    for topic in changed:
        lines += ["", *_difference(topic, before, after)]
    return "\n".join([*lines, ""])


def _difference(
    topic: Topic, before: Mapping[Topic, tuple[str, ...]], after: Mapping[Topic, tuple[str, ...]]
) -> Iterator[str]:
    heading, name = topic
    was, now = before.get(topic, ()), after.get(topic, ())
    what = " (removed)" if not now else " (added)" if not was else ""
    yield f"## {heading}{': ' if name else ''}{name}{what}"
    yield from (_item(f"No longer: {one}") for one in was if one not in now)
    yield from (_item(f"From now on: {one}") for one in now if one not in was)
    if set(was) == set(now):
        yield _item("The same in another order.")


def _item(sentence: str) -> str:
    return fill(
        sentence, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
