"""`python -m tests.faults --service 20 --asterisk 5 --seed 1`: the long run; exit 0 only if all is right."""

from __future__ import annotations

import argparse
import asyncio
import sys

from telephony.demo.ports import claim_ports
from telephony.model.campaign import Mode
from tests.faults.run import faults, site
from tests.support.platform import work_folder


async def main(*, service: int, asterisk: int, seed: int, mode: str, amd: str, keep: bool) -> int:
    with work_folder("faults") as folder, claim_ports(1500) as ports:
        async with site(folder=folder, ports=ports, seed=seed, mode=mode, amd=amd) as where:
            right = await faults(where, service=service, asterisk=asterisk, say=lambda line: print(line, flush=True))
        if not right:
            print(f"seed {seed}; the end of the service's log:", *where.service.log.splitlines()[-40:], sep="\n")
            if keep:
                print(f"everything is kept in {folder}; press Enter to remove it")
                await asyncio.to_thread(sys.stdin.readline)
        return 0 if right else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--service", type=int, default=20, help="kills of the service (default 20)")
    parser.add_argument("--asterisk", type=int, default=5, help="kills of Asterisk (default 5)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed throws the same dice")
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], default=Mode.PREVIEW_STANDARD.value)
    parser.add_argument("--amd", choices=("off", "parallel", "inline"), default="off")
    parser.add_argument("--keep", action="store_true", help="wait before the folder is removed when something is wrong")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(**vars(given))))
