"""Every step of a call, and of its agent's table, on the page in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from telephony.model.agent import AGENT
from telephony.model.attempt import ATTEMPT
from tests.browser import RING
from tests.browser.test_pictures_of_offers import IN_CALLS
from tests.support.album import Album, take_all
from tests.support.walks import shown
from tests.support.walks_through_calls import THROUGH_CALLS

pytestmark = [*RING, pytest.mark.timeout(600)]


async def test_each_step_is_on_the_page_as_the_api_tells_it(
    browser: Browser, sqlite_template: Path, tmp_path: Path
) -> None:
    wanted = shown(ATTEMPT) | {pair for pair in shown(AGENT) if pair[1] in IN_CALLS}
    await take_all(Album(wanted), THROUGH_CALLS, browser, sqlite_template, tmp_path)
