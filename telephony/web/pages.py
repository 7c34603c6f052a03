"""The agent page: a few files, held in memory, compressed once."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files

from aiohttp import web
from pydantic_core import to_json

from telephony.model.reasons import TEXTS

PAGES = {
    "/": ("index.html", "text/html"),
    "/agent.js": ("agent.js", "text/javascript"),
    "/texts.js": ("texts.js", "text/javascript"),
    "/agent.css": ("agent.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


def add_pages(app: web.Application) -> None:
    """Serve the agent page's files; blocks while they are read."""
    for address, (name, kind) in PAGES.items():
        app.router.add_get(address, _page(files("telephony.desktop").joinpath(name).read_bytes(), kind))
    app.router.add_get("/codes.js", _page(_codes(), "text/javascript"))


def _codes() -> bytes:
    # the page shows the same sentences that the API answers with
    sentences = {
        "en": {code: english for code, (english, _) in TEXTS.items()},
        "es": {code: spanish for code, (_, spanish) in TEXTS.items()},
    }
    return b"export const CODES = " + to_json(sentences) + b";\n"


def _page(body: bytes, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    packed = gzip.compress(body, mtime=0)
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    # asked again each time and answered 304: a new version of the service is a new page at once
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}

    async def page(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(
                body=packed, content_type=kind, charset="utf-8", headers=headers | {"Content-Encoding": "gzip"}
            )
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)

    return page
