"""The pages come as they were built: small, cached for as long as they are true, under a strict policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from telephony.model.reasons import TEXTS
from telephony.web import pages
from tests.support.office import Office

pytestmark = pytest.mark.unit

DIST = Path(pages.__file__).parents[1] / "desktop" / "dist"
FIRST_PAGE = 250_000
"""Bytes that the first page may need, compressed."""


def test_the_pages_are_built() -> None:
    assert (DIST / "index.html").is_file(), pages.NOT_BUILT


async def test_the_first_page_is_small_and_asked_for_again(office: Office) -> None:
    named = re.findall(r'(?:src|href)="(/[^"]+)"', (DIST / "index.html").read_text())
    assert any(name.endswith(".js") for name in named)
    sent = 0
    for path in ("/", *named, "/codes/en.json"):
        async with office.http.get(office.url + path, auto_decompress=False) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Encoding"] == "gzip"
            sent += len(await answer.read())
            caching, tag = answer.headers["Cache-Control"], answer.headers["ETag"]
        assert caching == (pages.FOR_EVER if path.startswith("/assets/") else pages.ASK_AGAIN)
        again = await office.stranger()("GET", path, headers={"If-None-Match": tag})
        assert (again.status, again.text) == (304, "")
    assert sent < FIRST_PAGE


async def test_every_built_file_is_served(office: Office) -> None:
    stranger = office.stranger()
    for file in DIST.rglob("*"):
        if file.is_file() and file.name != "index.html":
            assert (await stranger("GET", f"/{file.relative_to(DIST)}")).status == 200


async def test_a_browser_without_gzip_gets_the_page_too(office: Office) -> None:
    answer = await office.stranger()("GET", "/", headers={"Accept-Encoding": "identity"})
    assert '<div id="app">' in answer.text


async def test_the_page_runs_nothing_and_asks_nobody_but_this_service(office: Office) -> None:
    answer = await office.stranger()("GET", "/")
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert policy["connect-src"] == "'self'"
    assert "http:" not in answer.text
    assert "https:" not in answer.text


@pytest.mark.parametrize(("language", "at"), [("en", 0), ("es", 1)])
async def test_the_sentences_of_the_codes_are_the_services_own(office: Office, language: str, at: int) -> None:
    answer = await office.stranger()("GET", f"/codes/{language}.json")
    assert answer.json == {code: texts[at] for code, texts in TEXTS.items()}


async def test_without_built_pages_the_service_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "files", lambda _: tmp_path)
    app = web.Application()
    pages.add_pages(app)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/")
        assert (answer.status, await answer.text()) == (503, pages.NOT_BUILT)
