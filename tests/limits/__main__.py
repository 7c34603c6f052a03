"""`python -m tests.limits`: 1,000 accepts of two-second calls through a limit of 50, in each mode."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.bench.figures import load
from tests.bench.stage import stage
from tests.limits.crowd import crowd

MODES = ("preview_standard", "preview_direct", "preview")
MEAN_AT_LEAST = 0.94
"""Of the limit: a place that is free is taken at once (47 of 50)."""


async def main(*, accepts: int, limit: int, agents: int, modes: list[str]) -> int:
    right = True
    async with stage(talk_seconds=2.0) as made:
        for mode in modes:
            counted = await crowd(made, mode=mode, accepts=accepts, limit=limit, agents=agents)
            print(counted, flush=True)
            right &= not counted.wrong and max(counted.peak_asterisk, counted.peak_customers) <= limit
            right &= counted.mean >= MEAN_AT_LEAST * limit
    print(load())
    return 0 if right else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.limits", description=__doc__)
    parser.add_argument("--accepts", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--agents", type=int, default=110)
    parser.add_argument("--mode", dest="modes", action="append", choices=MODES, help="all three without")
    given = parser.parse_args()
    given.modes = given.modes or list(MODES)
    sys.exit(asyncio.run(main(**vars(given))))
