"""Every step of an agent's table before a call, and of an offer's, on the page in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from telephony.model.agent import AGENT
from telephony.model.offer import OFFER
from tests.browser import RING
from tests.support.album import Album
from tests.support.walks import Walk, shown
from tests.support.walks_to_offers import TO_OFFERS

pytestmark = [*RING, pytest.mark.timeout(600)]

IN_CALLS = {"dialing", "talking", "wrap_up"}
"""Their rows are in the pictures of calls."""


@pytest.fixture(scope="module")
def album() -> Album:
    """Empty, what an earlier run left there thrown away."""
    wanted = shown(OFFER) | {pair for pair in shown(AGENT) if pair[1] not in IN_CALLS}
    made = Album(wanted)
    made.clear()
    return made


@pytest.mark.parametrize("walk", TO_OFFERS, ids=lambda walk: walk.name)
async def test_each_step_is_on_the_page_as_the_api_tells_it(
    album: Album, walk: Walk, browser: Browser, sqlite_template: Path, tmp_path: Path
) -> None:
    await album.go(walk, browser, sqlite_template, tmp_path)


async def test_no_picture_is_missing(album: Album) -> None:
    """After all walks: each row of the tables in both languages."""
    assert not album.missing, sorted(album.missing)
