"""`python -m tests.races`: race every pair of actions over all offsets on a real Asterisk; exit 0 only if all agree.

A digit of a histogram is the share of the first of the two at one offset, in tenths (# = all).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys

from tests.bench.figures import load
from tests.bench.stage import stage
from tests.races.actions import pairs
from tests.races.cancel import cancels
from tests.races.lanes import track
from tests.races.sweep import STEP_MS, sweep

OFFER_TIMEOUT = 10
"""Seconds: the shortest there is with an action other than accept."""


async def main(*, mode: str, lanes: int, runs: int, step: int, only: str) -> int:
    right = True
    gc.disable()  # a racer that stops to tidy up would be taken for a late cancel
    async with stage() as made:
        for number, (name, pair) in enumerate(pairs(mode).items()):
            if only not in name:
                continue
            timeout = OFFER_TIMEOUT if "timer" in name else 7200
            wanted = {"mode": mode, "offer_timeout": timeout, "offer_timeout_action": "skip"}
            async with track(made, f"races-{number}", lanes=lanes, **wanted) as on:
                result = await sweep(on, name, pair, runs=runs, step=step)
            right &= result.right
            print(result, flush=True)
        if only in "cancel / answer":
            async with track(made, "cancel", lanes=lanes, mode=mode, offer_timeout=7200) as on:
                told = await cancels(on, runs=runs, step=step)
            right &= told.right
            print(told, flush=True)
    print(load())
    return 0 if right else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=__doc__)
    parser.add_argument("--mode", choices=("preview_standard", "preview_direct", "preview"), default="preview_standard")
    parser.add_argument("--lanes", type=int, default=90, help="agents that race beside each other (90)")
    parser.add_argument("--runs", type=int, default=20, help="at each offset (20)")
    parser.add_argument("--step", type=int, default=STEP_MS, help="milliseconds between two offsets (2)")
    parser.add_argument("--only", default="", help="pairs whose name holds this, e.g. 'accept / skip'")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(**vars(given))))
