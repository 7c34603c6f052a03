"""The desktop's pages as `make desktop` built them: held in memory, compressed once."""

from __future__ import annotations

import gzip
import hashlib
import logging
import mimetypes
from collections.abc import Awaitable, Callable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web
from pydantic_core import to_json

from telephony.model.reasons import TEXTS

log = logging.getLogger("telephony.web")

NOT_BUILT = "The pages have not been built. In the checkout: make desktop\n"

ASK_AGAIN = "no-cache"
"""Asked again each time and answered 304: a new version of the service is a new page at once."""

FOR_EVER = "public, max-age=31536000, immutable"
"""For files with a hash of their content in the name."""

LANGUAGES = ("en", "es")

Handler = Callable[[web.Request], Awaitable[web.Response]]


def add_pages(app: web.Application) -> None:
    """Serve what was built, and the sentences of the reason codes in each language; blocks while files are read."""
    built = dict(_built(files("telephony") / "desktop" / "dist"))
    if "index.html" not in built:
        log.warning("%s", NOT_BUILT.strip())
        app.router.add_get("/", _not_built)
    for name, body in built.items():
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        app.router.add_get(
            "/" if name == "index.html" else f"/{name}",
            _page(body, kind, FOR_EVER if name.startswith("assets/") else ASK_AGAIN),
        )
    for at, language in enumerate(LANGUAGES):
        sentences = {code: texts[at] for code, texts in TEXTS.items()}
        app.router.add_get(f"/codes/{language}.json", _page(to_json(sentences), "application/json", ASK_AGAIN))


def _built(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    if not folder.is_dir():
        return
    for one in folder.iterdir():
        if one.is_dir():
            yield from _built(one, f"{prefix}{one.name}/")
        elif not one.name.startswith("."):
            yield prefix + one.name, one.read_bytes()


async def _not_built(request: web.Request) -> web.Response:
    return web.Response(status=503, text=NOT_BUILT)


def _page(body: bytes, kind: str, caching: str) -> Handler:
    packed = gzip.compress(body, mtime=0)
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": caching, "Vary": "Accept-Encoding"}
    charset = "utf-8" if kind.startswith("text/") or kind in ("application/json", "image/svg+xml") else None

    async def page(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(
                body=packed, content_type=kind, charset=charset, headers=headers | {"Content-Encoding": "gzip"}
            )
        return web.Response(body=body, content_type=kind, charset=charset, headers=headers)

    return page
