"""What is explored is what the picture shows: the same rows and marks, with zoom where there is a
scale of numbers."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx2
import pytest

from services.console.charts import exploring
from services.console.charts.exploring import explorable
from shared.charts.drawing import draw
from tests.charts.test_drawing import charts
from tests.services.console.charts.test_charting import CHARTS, pictures


def bare(part: Any) -> Any:
    """Without what makes it answer."""
    if isinstance(part, dict):
        return {name: bare(one) for name, one in part.items() if name not in ("params", "config")}
    return [bare(one) for one in part] if isinstance(part, list | tuple) else part


def zooms(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [one["name"] for one in part.get("params", ())]
        return own + [name for one in part.values() for name in zooms(one)]
    return [name for one in part for name in zooms(one)] if isinstance(part, list | tuple) else []


def test_nothing_is_added_but_tooltips_and_zoom() -> None:
    for chart in charts():
        assert chart.spec is not None
        made = explorable(chart.spec)
        assert json.dumps(bare(made)) == json.dumps(bare(chart.spec)), chart.name
        assert made["config"]["mark"] == {"tooltip": {"content": "data"}}
        named = zooms(made)
        assert len(set(named)) == len(named)
        assert draw(made).startswith("<svg"), chart.name


@pytest.mark.parametrize(
    ("name", "zoomed"), [("edish", 1), ("ae-heat", 0), ("spider", 1), ("lab-1", 1), ("shifts", 0)]
)
def test_zoom_where_there_is_a_scale_of_numbers(name: str, zoomed: int) -> None:
    chart = next(one for one in charts() if one.name == name)
    assert chart.spec is not None
    assert len(zooms(explorable(chart.spec))) == zoomed


def test_the_page_names_the_specification_of_its_picture(person: httpx2.Client) -> None:
    page = person.get(f"{CHARTS}/edish").text
    (picture,) = pictures(page)
    address = picture.replace(".svg", ".json")
    assert f'data-explore="{address}"'.replace("&", "&amp;") in page
    assert f'data-engine="/explore/engine.js?v={exploring.ENGINE}"' in page
    answer = person.get(address)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["layer"]
    assert person.get(address.replace("v=", "v=0")).status_code == 409


def test_the_engine_is_kept_by_browsers_and_only_for_who_is_signed_in(
    person: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.console.charting.engine", lambda: gzip.compress(b"export {};"))
    answer = person.get("/explore/engine.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.text == "export {};"
    person.cookies.clear()
    assert person.get("/explore/engine.js").status_code == 303
