"""The agent's page in the hand of a test: pressed like an agent presses, read by the states it carries."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.support.chromium import PATIENCE, Watch

expect.set_options(timeout=PATIENCE)


class AgentPage:
    """One tab. What it shows is told by `data-` attributes, in the API's own words."""

    def __init__(self, page: Page, watch: Watch) -> None:
        self.page = page
        self.watch = watch

    def at(self, name: str, **data: str) -> Locator:
        """The part of this name; `data`: with these values of its data- attributes."""
        also = "".join(f'[data-{key.replace("_", "-")}="{value}"]' for key, value in data.items())
        return self.page.locator(f'[data-testid="{name}"]{also}')

    async def sign_in(self, username: str, password: str) -> None:
        await self.at("username").fill(username)
        await self.at("password").fill(password)
        await self.at("sign-in").click()
        await expect(self.at("sign-out")).to_be_visible()

    async def press(self, name: str, **data: str) -> None:
        await self.at(name, **data).click()

    async def shows(self, **data: str) -> None:
        """Wait until the page's root carries these values: `state="talking"`, `call_state="ringing"`."""
        for key, value in data.items():
            root = self.page.locator('[data-testid="agent-page"]')
            await expect(root).to_have_attribute(f"data-{key.replace('_', '-')}", re.compile(f"^(?:{value})$"))

    async def told(self, name: str, **data: str) -> Locator:
        """Wait until a part is on the screen; it."""
        part = self.at(name, **data)
        await expect(part.first).to_be_visible()
        return part.first

    async def data(self, name: str) -> dict[str, str]:
        """The data- attributes of a part."""
        found: dict[str, Any] = await self.at(name).first.evaluate("part => ({...part.dataset})")
        return found

    async def text(self, name: str) -> str:
        return (await self.at(name).first.inner_text()).strip()
