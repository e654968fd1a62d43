"""Pages and files as they travel: compressed, and no token of a form told by their length."""

import re

import httpx2

from tests.services.console.test_access import ACKNOWLEDGE, BOARD, csrf_of


def test_pages_and_files_are_compressed_and_streams_are_not(person: httpx2.Client) -> None:
    page = person.get(BOARD)
    assert page.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in page.headers["vary"]
    style = re.search(r'href="(/static/console.css[^"]*)"', page.text)
    assert style is not None
    file = person.get(style[1])
    assert file.headers["content-encoding"] == "gzip"
    assert "immutable" in file.headers["cache-control"]
    plain = person.get(BOARD, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with person.stream("GET", f"{BOARD}/live") as stream:
        assert "content-encoding" not in stream.headers


def test_the_token_of_forms_is_another_text_on_each_page(person: httpx2.Client) -> None:
    first, second = (csrf_of(person.get(BOARD)) for _ in range(2))
    assert first != second
    for csrf in (first, second):
        answer = person.post(ACKNOWLEDGE, data={"csrf": csrf, "version": "1"})
        assert answer.status_code == 303
