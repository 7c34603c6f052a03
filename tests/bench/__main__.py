"""`python -m tests.bench [NAME ...]`: measure on a real Asterisk, print a table with the aims beside the figures.

Names: calls, commits, desktop, direct, effort, postgresql, reload, verdicts, waiting, wrapping; all of them
without one. Nothing leaves the loopback interface.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from tests.bench import calls, commits, direct, effort, long_shift, pages, reload, screen, verdicts, waiting, wrapping
from tests.bench.figures import Figure, load, table
from tests.bench.stage import Stage, stage
from tests.support.chromium import chromium, hum
from tests.support.postgres import running


async def _on_postgresql(stage: Stage) -> list[Figure]:
    with running() as server:
        return await effort.measure(stage, "PostgreSQL", server.create("bench"))


async def _desktop(stage: Stage) -> list[Figure]:
    microphone = stage.folder / "hum.wav"
    await asyncio.to_thread(hum, microphone)
    found = []
    async with chromium(microphone) as browser:
        for measure in (pages.measure, screen.measure, long_shift.measure):
            part = await measure(stage, browser)
            print(table(part), flush=True)
            found += part
    return found


def _measures(runs: int) -> dict[str, Callable[[Stage], Awaitable[list[Figure]]]]:
    return {
        "calls": lambda stage: calls.measure(stage, runs),
        "commits": commits.measure,
        "desktop": _desktop,
        "direct": lambda stage: direct.measure(stage, runs),
        "effort": lambda stage: effort.measure(stage, "SQLite"),
        "postgresql": _on_postgresql,
        "reload": reload.measure,
        "verdicts": verdicts.measure,
        "waiting": waiting.measure,
        "wrapping": lambda stage: wrapping.measure(stage, runs),
    }


async def _measure(names: list[str], runs: int) -> None:
    figures: list[Figure] = []
    async with stage() as made:
        for name in names:
            print(f"measuring: {name} ({load()})", flush=True)
            figures += await _measures(runs)[name](made)
            print(f"\n{table(figures)}\n{load()}", flush=True)


def main() -> None:
    known = list(_measures(1))
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measurements against their aims.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--runs", type=int, default=5, help="of calls, direct and wrapping, whose median counts (5)")
    given = parser.parse_args()
    if unknown := set(given.names) - set(known):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    asyncio.run(_measure(given.names or known, max(1, given.runs)))


if __name__ == "__main__":
    main()
