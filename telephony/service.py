"""The service: start and stop as a story.

Hold the database, bring its schema up to date, take the cell over, load what was going on, open the API, connect
to Asterisk. To stop: no more requests, no more decisions; calls that are up stay up and are taken over next time.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys

from sqlalchemy.exc import SQLAlchemyError

from telephony.dialer.floor import Floor
from telephony.pbx.asterisk import AsteriskSwitchboard
from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.port import SwitchboardError
from telephony.settings import Settings
from telephony.store import cells
from telephony.store.engine import Store, StoreUnavailable
from telephony.store.migrate import DatabaseTooNew, upgrade
from telephony.store.upkeep import Upkeep
from telephony.web.server import WebServer

log = logging.getLogger(__name__)

OK, CONFIGURATION, FAILED = 0, 2, 1

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread that waits for the interpreter gets it. The database's thread waits anew after every
statement: with Python's 5 ms a busy event loop makes an accept of 25 statements wait for a tenth of a second."""


async def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; the exit code: 0 stopped, 2 something to configure, 1 failed."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    audio = AudioFolder.of(settings)
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"telephony: data_dir: {settings.data_dir} cannot be made: {error.strerror}", file=sys.stderr)
        return CONFIGURATION
    try:
        audio.prepare()
    except OSError as error:
        print(f"telephony: audio_dir: {error.filename or audio.here} cannot be used: {error.strerror}", file=sys.stderr)
        return CONFIGURATION
    try:
        store = Store(settings.database_url)
        hold = await asyncio.to_thread(_prepare, store, settings)
    except (cells.CellTaken, DatabaseTooNew) as error:
        print(f"telephony: {_sentence(error)}", file=sys.stderr)
        return CONFIGURATION
    except (StoreUnavailable, SQLAlchemyError, OSError) as error:
        print(f"telephony: database_url: {_sentence(error)}", file=sys.stderr)
        return CONFIGURATION
    try:
        return await _run(settings, store)
    finally:
        hold.release()
        await store.close()


async def _run(settings: Settings, store: Store) -> int:
    place = await store.run(
        lambda conn: cells.take_over(
            conn,
            name=settings.cell.name,
            data_center=settings.cell.data_center,
            url=settings.cell.url,
            max_channels=settings.cell.max_channels,
            max_calls=settings.cell.max_calls,
        )
    )
    board = AsteriskSwitchboard(
        host=settings.ami.host,
        port=settings.ami.port,
        username=settings.ami.username,
        secret=settings.ami.secret.get_secret_value(),
        fastagi_host=settings.fastagi.host,
        fastagi_port=settings.fastagi.port,
        fastagi_address=settings.fastagi.advertise,
        ears_host=settings.ears.host,
        ears_port=settings.ears.port,
        ears_address=settings.ears.advertise,
    )
    floor = Floor(
        store=store, board=board, place=place, audio=AudioFolder.of(settings), recording_days=settings.recording_days
    )
    server = WebServer(settings=settings, store=store, floor=floor, changes=floor.changes)
    stop = _stop_signals()
    try:
        await floor.start()
        await server.start()
    except OSError as error:
        address = f"{settings.http.host}:{settings.http.port}"
        print(f"telephony: http.host, http.port: {address} cannot be listened on: {error.strerror}", file=sys.stderr)
        await server.stop()
        await floor.stop()
        return CONFIGURATION
    except SwitchboardError as error:
        print(f"telephony: {_sentence(error)}", file=sys.stderr)
        await floor.stop()
        return CONFIGURATION
    # what is loaded by now stays: the collector need not look through it again and again
    gc.collect()
    gc.freeze()
    log.info("serving at %s, cell %s, epoch %d, database %s", server.url, place.cell_id, place.epoch, store.url)
    upkeep = asyncio.create_task(Upkeep(store, due_changed=floor.wake).run())
    code = await _until(stop, floor)
    upkeep.cancel()
    await server.stop()
    await floor.stop()
    return code


async def _until(stop: asyncio.Event, floor: Floor) -> int:
    asked = asyncio.create_task(stop.wait())
    lost = asyncio.create_task(floor.ground.lost_cell.wait())
    await asyncio.wait((asked, lost), return_when=asyncio.FIRST_COMPLETED)
    taken = lost.done()
    asked.cancel()
    lost.cancel()
    if taken:
        log.error("another process took this cell over; stopping without touching its calls")
        return FAILED
    return OK


def _prepare(store: Store, settings: Settings) -> cells.Hold:
    hold = cells.Hold(store, settings.cell.name)
    upgrade(store)
    return hold


def _stop_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _sentence(error: Exception) -> str:
    # SQLAlchemy's own text goes on for lines about the statement
    return str(error).splitlines()[0] if str(error) else type(error).__name__
