"""A stored sound as an answer, whole or the `Range` that was asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from telephony.web.exchange import Exchange
from telephony.web.problems import Problem


async def sound(exchange: Exchange, path: Path, *, name: str) -> web.FileResponse:
    """The WAV file at `path`; a `Problem` NOT_FOUND where it is gone, BAD_RANGE behind its end."""
    try:
        size = (await asyncio.to_thread(path.stat)).st_size
    except OSError as error:
        raise Problem("NOT_FOUND") from error
    # aiohttp answers a Range behind the end with an empty 416 of its own
    try:
        begins = exchange.request.http_range.start
    except ValueError:
        begins = size
    if begins is not None and begins >= size:
        raise Problem("BAD_RANGE", headers={"Content-Range": f"bytes */{size}"})
    return web.FileResponse(
        path, headers={"Content-Type": "audio/wav", "Content-Disposition": f'inline; filename="{name}.wav"'}
    )
