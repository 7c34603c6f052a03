"""Orders that somebody waits for: what their failure means to who asked."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from telephony.dialer.errors import NoCapacity, Refused
from telephony.model.reasons import Capacity, Refusal
from telephony.pbx.port import OrderRefused, OrderUnsettled, PbxUnreachable, UnknownLeg

if TYPE_CHECKING:
    from telephony.dialer.call import Call
    from telephony.dialer.desk import Desk

log = logging.getLogger(__name__)


async def carried_out(desk: Desk, call: Call, order: Awaitable[None]) -> None:
    """Raises `Refused` where a leg is gone or the PBX says no, `NoCapacity` where it does not answer.

    After silence nobody knows whether it was done: the survey tells.
    """
    try:
        await order
    except UnknownLeg as error:
        raise Refused(Refusal.NOT_AVAILABLE, "The call has just ended") from error
    except OrderRefused as error:
        log.warning("attempt %s: refused by the PBX: %s", call.attempt.id, error)
        raise Refused(Refusal.NOT_AVAILABLE) from error
    except OrderUnsettled as error:
        await call.link_lost()
        desk.ground.resync_wanted.set()
        raise NoCapacity(Capacity.PBX_UNREACHABLE) from error
    except PbxUnreachable as error:
        raise NoCapacity(Capacity.PBX_UNREACHABLE) from error
