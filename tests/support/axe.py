"""axe-core's verdict on a page: the rules of WCAG 2.2 A and AA, and axe's own best practices."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.async_api import Page

from telephony.demo.host import REPOSITORY
from tests.support.chromium import NARROW, WIDE

_SOURCE = REPOSITORY / "telephony" / "desktop" / "node_modules" / "axe-core" / "axe.min.js"

_RUN = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map(({id, help, nodes}) => ({id, help, nodes: nodes.map(one => one.html.slice(0, 200))}));
}"""


# innermost parts that make the page wider than the screen; what scrolls by itself may be as wide as it likes
_TOO_WIDE = """() => {
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  const over = one => one.getBoundingClientRect().right > innerWidth + 1;
  const wide = [...document.body.querySelectorAll("*")].filter(over);
  const innermost = wide.filter(one => !wide.some(other => other !== one && one.contains(other)));
  return innermost.map(one => one.outerHTML.slice(0, 150));
}"""


@cache
def _axe() -> str:
    return _SOURCE.read_text()


async def violations(page: Page) -> list[str]:
    """What axe finds on what is shown now, in light and dark, wide and narrow; a line for each."""
    told = []
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(_axe())
    before = page.viewport_size or WIDE
    for size in (WIDE, NARROW):
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        for theme in ("light", "dark"):
            await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            found: list[dict[str, Any]] = await page.evaluate(_RUN)
            told += [f"{size['width']} {theme}: {one['id']} ({one['help']}): {one['nodes']}" for one in found]
            cut = await page.evaluate(_TOO_WIDE)
            told += [f"{size['width']} {theme}: wider than the screen: {one}" for one in cut]
    await page.set_viewport_size(before)
    await page.emulate_media(color_scheme="light")
    return told
