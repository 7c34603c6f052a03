"""The agent's page in the hand of a test: pressed like an agent presses, read by the states it carries."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.support.chromium import PATIENCE, Watch

expect.set_options(timeout=PATIENCE)

BETWEEN_PRESSES = 0.45
"""Seconds; what comes sooner at the same place is the second half of a double click (src/ui/button.tsx)."""


_LISTEN = """async () => {
  const sound = document.querySelector('[data-testid="phone-audio"]').srcObject;
  if (!sound) return [0, -200];
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(sound).connect(analyser);
  await new Promise(done => setTimeout(done, 500));
  const found = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(found);
  const at = found.reduce((best, one, here) => one > found[best] ? here : best, 0);
  const hertz = at * context.sampleRate / analyser.fftSize;
  await context.close();
  return [hertz, found[at]];
}"""


class AgentPage:
    """One tab. What it shows is told by `data-` attributes, in the API's own words."""

    def __init__(self, page: Page, watch: Watch) -> None:
        self.page = page
        self.watch = watch
        self._pressed = 0.0

    def at(self, name: str, **data: str) -> Locator:
        """The part of this name; `data`: with these values of its data- attributes."""
        also = "".join(f'[data-{key.replace("_", "-")}="{value}"]' for key, value in data.items())
        return self.page.locator(f'[data-testid="{name}"]{also}')

    async def sign_in(self, username: str, password: str) -> None:
        await self.at("username").fill(username)
        await self.at("password").fill(password)
        await self.at("sign-in").click()
        await expect(self.page.locator('[data-testid="agent-page"], [data-testid="floor-page"]')).to_be_visible()

    async def press(self, name: str, **data: str) -> None:
        """Press a button, not so soon after the last one that the page takes it for a double click."""
        await self.at(name, **data).hover()
        await asyncio.sleep(max(0.0, self._pressed + BETWEEN_PRESSES - asyncio.get_running_loop().time()))
        await self.at(name, **data).click()
        self._pressed = asyncio.get_running_loop().time()

    async def go(self, state: str) -> None:
        """Choose available, idle or offline."""
        await self.press("state")
        await self.press(f"state-{state}")

    async def wrap_up(self, disposition: str, note: str = "") -> None:
        await self.at("disposition", code=disposition).check()
        await self.at("note").fill(note)
        await self.press("wrap-up-done")

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

    async def reads(self, name: str, text: str) -> None:
        """Wait until a part has this text."""
        await expect(self.at(name)).to_have_text(text)

    async def phone_in_browser(self) -> None:
        """Choose this browser as the phone; wait until it can be called."""
        await self.press("phone")
        await self.at("phone-menu").locator('[data-testid="phone-browser"]').click()
        await self.phone_is("ready")
        await self.page.keyboard.press("Escape")

    async def phone_is(self, state: str) -> None:
        """Wait until the phone in the browser is `ready`, `in_call`, `lost`, `taken_over` ..."""
        await expect(self.at("phone")).to_have_attribute("data-phone-state", state)

    async def hears(self) -> tuple[float, float]:
        """The loudest pitch that comes out of the speaker, in Hz, and its strength in dB (full scale 0)."""
        hertz, loud = await self.page.evaluate(_LISTEN)
        return float(hertz), float(loud)

    async def data(self, name: str) -> dict[str, str]:
        """The data- attributes of a part."""
        found: dict[str, Any] = await self.at(name).first.evaluate("part => ({...part.dataset})")
        return found

    async def text(self, name: str) -> str:
        return (await self.at(name).first.inner_text()).strip()
