"""`python -m tests.amd [NAME ...]`: machine detection measured on a real Asterisk; what telephony/model/AMD.md shows.

Names: measure (the defaults on the test set, real AMD()), parallel (a part of it beside a joined call), curve (what
other sets would give, by the model), fax, tune (search the parameters anew, 10 minutes); the first four without one.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from telephony.model.campaign import INLINE_ANALYSIS_LIMIT, Amd, AmdParameters
from telephony.model.rates import Rate
from tests.amd import fax, greetings, voices
from tests.amd.exchange import Told, exchange
from tests.amd.figures import HEAD, called_machines, found_machines, heard, modelled, row
from tests.amd.greetings import RATIOS, Greeting
from tests.amd.search import FEW, Search

OURS = AmdParameters()
INLINE = OURS.model_copy(update={"total_analysis_time": INLINE_ANALYSIS_LIMIT})
ASTERISKS = AmdParameters(
    initial_silence=2500,
    greeting=1500,
    after_greeting_silence=800,
    min_word_length=100,
    between_words_silence=50,
    maximum_number_of_words=3,
    silence_threshold=256,
)
"""What amd.conf.sample comes with."""


async def measure() -> None:
    """Every greeting of the test set is a call over SIP and RTP into AMD()."""
    made = greetings.make("test")
    audio = [one.audio for one in made]
    async with exchange() as line:
        # [pd-customer] ends AMD() after 3.5 s; the 5 s of `parallel` are measured without that limit
        ours = await line.verdicts(audio, arguments=OURS.arguments(), bare=True)
        inline = await line.verdicts(audio, arguments=INLINE.arguments())
    calls = heard(made, ours)
    print(HEAD)
    print(row("ours, 5 s (`parallel`)", calls))
    print(row("ours, 3.5 s (`inline`)", heard(made, inline)))
    print(row("Asterisk's own, 5 s (by the model)", heard(made, modelled(made, ASTERISKS))))
    for noise in ("quiet", *greetings.NOISES):
        print(row(f"ours, {noise}", [one for one in calls if one.greeting.noise == noise]))
    for ratio in RATIOS:
        print(row(f"ours, {ratio} dB", [one for one in calls if one.greeting.ratio == ratio]))
    print(f"\nmodel and AMD() agree: {agreement(made, ours, OURS)}")


def agreement(made: list[Greeting], told: list[Told], given: AmdParameters) -> Rate:
    """How often the model of AMD() says what AMD() says, status and cause."""
    pairs = zip(told, modelled(made, given), strict=True)
    return Rate(
        hits=sum(one.status == other.status and one.cause.startswith(other.cause) for one, other in pairs),
        total=len(made),
    )


async def parallel() -> None:
    """A part of the test set beside a joined call, through the listening pair."""
    made = greetings.make("test")
    part = [*made[:75], *made[600:625]]
    async with exchange() as line:
        told = await line.verdicts(
            [one.audio for one in part], arguments=OURS.arguments(), amd=Amd.PARALLEL, at_once=10
        )
    print(f"{HEAD}\n{row('ours, beside a joined call', heard(part, told))}")
    print(f"\nmodel and AMD() agree: {agreement(part, told, OURS)}")


async def curve() -> None:
    """People called machines against machines found, for silence thresholds around ours."""
    made = greetings.make("test")
    print("| silence_threshold | people called machines | machines found within 5 s |\n|---|---|---|")
    for threshold in (256, 400, 500, 600, 700, 800, 900, 1200):
        calls = heard(made, modelled(made, OURS.model_copy(update={"silence_threshold": threshold})))
        print(f"| {threshold} | {called_machines(calls)} | {found_machines(calls)} |")


async def measure_fax() -> None:
    """Answering fax machines, and what is none, into `inline`."""
    async with exchange() as line:
        for name, audio in (("fax machines", fax.answers()), ("people, machines, beeps", fax.others())):
            told = await line.verdicts(audio, arguments=INLINE.arguments())
            times = sorted(one.after for one in told if one.status == "FAX")
            rate = Rate(hits=len(times), total=len(told))
            last = f", after {times[len(times) // 2]:.2f} s (median), {times[-1]:.2f} s at the latest" if times else ""
            print(f"{name} called FAX: {rate}{last}; all: {dict(Counter(one.status for one in told))}")


async def tune() -> None:
    """The search that chose the defaults."""
    tuning = greetings.make("tune", people=1800, machines=800)
    print(f"tuning set: at most {FEW:.1%} of people called machines")
    for silence in (800, 900, 1000, 1100):
        search = Search(tuning, after_greeting_silence=silence, total_analysis_time=OURS.total_analysis_time)
        found, (people, machines) = search.best()
        print(f"{found.arguments()}: people {people:.2%}, machines {machines:.1%}", flush=True)


MEASURES: dict[str, Callable[[], Awaitable[None]]] = {
    "measure": measure,
    "parallel": parallel,
    "curve": curve,
    "fax": measure_fax,
    "tune": tune,
}


async def _run(names: list[str]) -> None:
    await voices.prepare()
    for name in names:
        print(f"\n{name}: {MEASURES[name].__doc__}\n", flush=True)
        await MEASURES[name]()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.amd", description="Machine detection on a real Asterisk.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    given = parser.parse_args()
    if unknown := set(given.names) - set(MEASURES):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    asyncio.run(_run(given.names or [name for name in MEASURES if name != "tune"]))


if __name__ == "__main__":
    main()
