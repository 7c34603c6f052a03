"""Every step of an agent's table before a call, and of an offer's, on the page in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from telephony.model.agent import AGENT
from telephony.model.offer import OFFER
from tests.browser import RING
from tests.support.album import Album, take_all
from tests.support.walks import shown
from tests.support.walks_to_offers import TO_OFFERS

pytestmark = [*RING, pytest.mark.timeout(600)]

IN_CALLS = {"dialing", "talking", "wrap_up"}
"""Their rows are in the pictures of calls."""


async def test_each_step_is_on_the_page_as_the_api_tells_it(
    browser: Browser, sqlite_template: Path, tmp_path: Path
) -> None:
    wanted = shown(OFFER) | {pair for pair in shown(AGENT) if pair[1] not in IN_CALLS}
    await take_all(Album(wanted), TO_OFFERS, browser, sqlite_template, tmp_path)
