"""Moving legs through the dialplan: one Redirect of a leg at a time, and each is over when the leg has arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from telephony.pbx import asterisk_orders as orders
from telephony.pbx.ami import Action
from telephony.pbx.asterisk_book import LegBook
from telephony.pbx.asterisk_orders import port_errors
from telephony.pbx.port import OrderRefused, OrderUnsettled, SwitchboardError, UnknownLeg

# A channel on its way from one Redirect refuses the next one for a few milliseconds.
REDIRECT_TRIES = 10
REDIRECT_AGAIN_AFTER = 0.02


class Moves:
    """`send`: an AMI action to Asterisk; `deadline`: seconds within which a leg has arrived."""

    def __init__(self, *, book: LegBook, send: Callable[[Action], Awaitable[object]], deadline: float) -> None:
        self._book = book
        self._send = send
        self._deadline = deadline
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._awaited: dict[str, tuple[Callable[[], bool], asyncio.Future[SwitchboardError | None]]] = {}

    def one_at_a_time(self, leg: str) -> asyncio.Lock:
        """Hold it while a leg is moved: Asterisk refuses a Redirect of one that is on its way from the one before."""
        return self._locks.setdefault(leg, asyncio.Lock())

    async def wait_in(self, leg: str, where: str) -> None:
        """Send an agent's leg, or a third party's, to wait there, unless it does."""
        async with self.one_at_a_time(leg):
            if self._book.waits(leg) != where:
                # A Redirect would take the agent out of a conversation.
                if self._book.busy(leg):
                    raise OrderRefused(f"leg {leg} is not on hold")
                context = self._book.context(leg) or "pd-agent"
                await self.go_to(leg, where, orders.send_to(leg, where, context=context))

    async def go_to(self, leg: str, where: str, redirect: Action) -> None:
        """Returns when the leg waits in the place that this Redirect leads to."""
        await self.arrive(leg, lambda: self._book.waits(leg) == where, redirect, what=f"in {where}")

    async def arrive(self, leg: str, there: Callable[[], bool], redirect: Action, *, what: str) -> None:
        """Returns when the book says that the leg is `there`. Raises `UnknownLeg` where it ends, `OrderUnsettled`."""
        if there():
            return
        arrived: asyncio.Future[SwitchboardError | None] = asyncio.get_running_loop().create_future()
        self._awaited[leg] = (there, arrived)
        try:
            await self.redirect(leg, redirect)
            async with asyncio.timeout(self._deadline):
                error = await arrived
        except TimeoutError:
            raise OrderUnsettled(f"not {what} within {self._deadline:g} s") from None
        finally:
            del self._awaited[leg]
        if error is not None:
            raise error

    async def redirect(self, leg: str, redirect: Action) -> None:
        """Send a leg elsewhere; raises UnknownLeg where it turns out to be ending."""
        for _ in range(REDIRECT_TRIES):
            try:
                async with port_errors():
                    await self._send(redirect)
                return
            except OrderRefused as error:
                if orders.NOT_UP not in str(error):
                    raise
            if not self._book.is_up(leg):
                break
            await asyncio.sleep(REDIRECT_AGAIN_AFTER)
        raise UnknownLeg(f"leg {leg} is not up")

    def moved(self, leg: str) -> None:
        """The book has news of where this leg is, and so of the one it talks to."""
        for one in (leg, *self._book.partners(leg)):
            there, arrived = self._awaited.get(one, (None, None))
            if there is not None and arrived is not None and not arrived.done() and there():
                arrived.set_result(None)

    def ended(self, leg: str) -> None:
        self._give_up(leg, UnknownLeg("the leg has ended"))

    def lost(self, reason: str) -> None:
        """The link is lost: where legs are is not seen any more."""
        for leg in self._awaited:
            self._give_up(leg, OrderUnsettled(f"link lost: {reason}"))

    def _give_up(self, leg: str, error: SwitchboardError) -> None:
        _, arrived = self._awaited.get(leg, (None, None))
        if arrived is not None and not arrived.done():
            arrived.set_result(error)
