"""The demo on one machine: PBX, simulated customers, softphones and the service, started and ended together."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import aiohttp

from telephony.demo.child import DIES_WITH_US, Child
from telephony.demo.customers import Customers, CustomersSettings
from telephony.demo.host import Say, SetupError, cache_folder, need_packages
from telephony.demo.pbx import Pbx, PbxSettings
from telephony.demo.ports import PortBlock, claim_ports
from telephony.demo.seed import AGENTS, TRUNK, logins, seed
from telephony.demo.softphone import PROGRAMS, PhoneError, Softphone, SoftphoneSettings
from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.message_file import TOOLS as CONVERTER
from telephony.settings import PREFIX, Cell
from telephony.store.engine import Store
from telephony.store.migrate import DatabaseTooNew, upgrade

SERVICE_READY_WITHIN = 60.0
"""Seconds from the service's start to its readiness; two are usual, 30 were seen on a crowded machine."""

SERVICE_STOPS_WITHIN = 10.0

RTP_PORTS = 200
"""For 100 legs at once; five agents use a score, listening legs none."""

LOOK_EVERY = 0.5
"""Seconds between looks whether everything is still running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """`directory` holds database, logs and secrets of this demo; its path must be short and without spaces.

    `fresh`: begin with a new database. The script does: what the last demo left unfinished is not its to judge.
    """

    directory: Path
    fresh: bool = False
    http_port: int = 8080
    bind: str = "127.0.0.1"
    backend: str | None = None
    ring_seconds: float = 2.0

    @property
    def configuration(self) -> Path:
        """The demo's settings file."""
        return self.directory / "telephony.toml"


def default_directory() -> Path:
    """Where `make demo` keeps its things.

    Asterisk runs as a user of its own, to whom the home of root is closed.
    """
    if os.geteuid() == 0 and not os.environ.get("TELEPHONY_CACHE"):
        return Path("/var/lib/telephony-demo")
    return cache_folder() / "demo"


class Demo:
    """The running demo; made by `started`."""

    def __init__(
        self, settings: DemoSettings, *, pbx: Pbx, customers: Customers, service: Child, password: str
    ) -> None:
        self.settings = settings
        self.pbx = pbx
        self.customers = customers
        self.service = service
        self.password = password

    @property
    def url(self) -> str:
        return f"http://{self.settings.bind}:{self.settings.http_port}"

    @property
    def _command(self) -> str:
        """`telephony` as it can be typed, also where the environment it is in is not the shell's."""
        own = Path(sys.executable).with_name("telephony")
        return str(own) if own.exists() else "telephony"

    def greeting(self) -> str:
        """What a user must know now."""
        first = AGENTS[0].username
        return f"""
The demo is running.

  Page      {self.url}/
  Sign in as (name, password, what)
{logins(self.password)}

  Next      Open the page, sign in as {first} and choose Available. The softphone of {first} answers
            by itself, then the first customer is shown: press Accept to call.
  Talk      To be heard yourself choose This browser as the phone: its name is in the line on top.
  Logs      {self.settings.directory}
  Look      {self._command} --config {self.settings.configuration} doctor
  End       Ctrl-C
"""

    async def ended(self) -> str:
        """Wait until a part has ended by itself; which one."""
        parts: dict[str, Pbx | Customers | Child] = {
            "Asterisk": self.pbx,
            "the simulated customers": self.customers,
            "the service": self.service,
        }
        while True:
            for name, part in parts.items():
                if not part.running:
                    return name
            await asyncio.sleep(LOOK_EVERY)


@asynccontextmanager
async def started(settings: DemoSettings, *, say: Say) -> AsyncIterator[Demo]:
    """Everything started in order, and ended in reverse order, whatever happens. Raises SetupError."""
    settings = replace(settings, directory=settings.directory.resolve())
    directory = settings.directory
    async with AsyncExitStack() as stack:
        stack.enter_context(_alone(directory))
        _port_is_free(settings.bind, settings.http_port)
        try:
            ports = stack.enter_context(claim_ports())
        except RuntimeError as error:
            raise SetupError(str(error)) from None
        customers = _customers(settings, ports, say)
        pbx = _pbx(settings, ports, customers, say)
        await customers.prepare()
        await pbx.prepare()
        await need_packages({**PROGRAMS, **CONVERTER}, say=say)
        say("starting the simulated customers")
        stack.push_async_callback(customers.stop)
        await customers.start()
        say("starting Asterisk")
        stack.push_async_callback(pbx.stop)
        await pbx.start()
        say("loading the demo's tenant, agents, campaigns and contacts")
        password = _password(directory / "password")
        if settings.fresh:
            for old in directory.glob("telephony.sqlite3*"):
                old.unlink()
        await _load(directory, password, AudioFolder(here=pbx.audio, there=PurePosixPath(pbx.audio)))
        say("starting the service")
        _configure(settings, ports, pbx)
        service = await _service(settings, stack)
        say("registering the agents' softphones")
        await asyncio.gather(*[_phone(settings, ports, pbx, agent.username, stack, say) for agent in AGENTS])
        try:
            yield Demo(settings, pbx=pbx, customers=customers, service=service, password=password)
        finally:
            say("ending the demo")


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Hold the directory, so that no second demo writes into it."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError(
                f"the demo is already running ({directory} is in use); end it with Ctrl-C where it runs, or give this "
                "one another folder with --directory and another port with --port"
            ) from None
        yield


def _port_is_free(bind: str, port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((bind, port))
        except OSError as error:
            raise SetupError(
                f"port {port} on {bind} cannot be used ({error.strerror}); another one: make demo PORT={port + 10}, or "
                f"telephony demo --port {port + 10}"
            ) from None


def _customers(settings: DemoSettings, ports: PortBlock, say: Say) -> Customers:
    media = ports.take(100, even=True)
    return Customers(
        CustomersSettings(
            directory=settings.directory / "customers",
            port=ports.take(),
            bind=settings.bind,
            media_port=media,
            ring_seconds=settings.ring_seconds,
        ),
        say=say,
    )


def _pbx(settings: DemoSettings, ports: PortBlock, customers: Customers, say: Say) -> Pbx:
    rtp = ports.take(RTP_PORTS, even=True)
    return Pbx(
        PbxSettings(
            directory=settings.directory / "pbx",
            ami_port=ports.take(),
            sip_port=ports.take(),
            rtp_ports=(rtp, rtp + RTP_PORTS - 1),
            bind=settings.bind,
            trunks={TRUNK: customers.address},
            agents=[agent.username for agent in AGENTS],
            web_agents=[agent.username for agent in AGENTS],
            http_port=ports.take(),
            backend=settings.backend,
        ),
        say=say,
    )


async def _phone(
    settings: DemoSettings, ports: PortBlock, pbx: Pbx, name: str, stack: AsyncExitStack, say: Say
) -> None:
    sip, rtp = ports.take(2), ports.take(4, even=True)
    phone = Softphone(
        SoftphoneSettings(
            name=name,
            secret=pbx.agent_secret,
            pbx=pbx.sip_address,
            directory=settings.directory / name,
            sip_port=sip,
            control_port=ports.take(),
            rtp_ports=(rtp, rtp + 3),
            bind=settings.bind,
        ),
        say=say,
    )
    stack.push_async_callback(phone.stop)
    try:
        await phone.start()
    except PhoneError as error:
        raise SetupError(str(error)) from None


def _password(path: Path) -> str:
    """Everybody's password, made once for each directory."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(4) + "\n")
    return path.read_text().strip()


def _database(directory: Path) -> str:
    return f"sqlite:///{directory / 'telephony.sqlite3'}"


async def _load(directory: Path, password: str, audio: AudioFolder) -> None:
    store = Store(_database(directory))
    try:
        await asyncio.to_thread(upgrade, store)
        cell = Cell()
        await seed(store, cell=cell.name, data_center=cell.data_center, password=password, audio=audio)
    except DatabaseTooNew as error:
        raise SetupError(f"{error}; or delete {directory}") from None
    finally:
        await store.close()


def _configure(settings: DemoSettings, ports: PortBlock, pbx: Pbx) -> None:
    """Write the settings file: the service's, and that of every other command somebody tries on the demo."""
    login = pbx.ami
    given: dict[str, dict[str, str | int]] = {
        "": {
            "data_dir": str(settings.directory),
            "database_url": _database(settings.directory),
            "audio_dir": str(pbx.audio),
        },
        "http": {"host": settings.bind, "port": settings.http_port},
        "ami": {"host": login.host, "port": login.port, "username": login.user, "secret": login.secret},
        "fastagi": {"host": settings.bind, "port": ports.take()},
        "ears": {"host": settings.bind, "port": ports.take()},
        "phones": {"host": settings.bind, "port": pbx.settings.http_port, "secret": pbx.web_secret},
    }
    lines = []
    for group, values in given.items():
        lines += [f"[{group}]"] if group else []
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    settings.configuration.touch(mode=0o600)
    settings.configuration.write_text("\n".join(lines) + "\n")


async def _service(settings: DemoSettings, stack: AsyncExitStack) -> Child:
    """`telephony serve` as users run it."""
    directory = settings.directory
    # what the user set for a service of their own must not reach this one
    clean = [word for name in os.environ if name.startswith(PREFIX) for word in ("-u", name)]
    command = ["env", *clean, sys.executable, "-c", "from telephony.cli import main; main()"]
    command += ["--config", str(settings.configuration), "serve"]
    log = directory / "service.log"
    start = log.stat().st_size if log.exists() else 0
    service = await Child.start([*DIES_WITH_US, *command], log=log, cwd=directory)
    stack.push_async_callback(service.stop, within=SERVICE_STOPS_WITHIN)
    url = f"http://{settings.bind}:{settings.http_port}/readyz"
    try:
        async with asyncio.timeout(SERVICE_READY_WITHIN), aiohttp.ClientSession() as http:
            while service.running:
                with suppress(aiohttp.ClientError):
                    async with http.get(url) as answer:
                        if answer.status == 200:
                            return service
                await asyncio.sleep(0.1)
    except TimeoutError:
        pass
    tail = "\n".join(log.read_text(errors="replace")[start:].splitlines()[-8:])
    state = "is not ready" if service.running else f"ended with status {service.status}"
    raise SetupError(f"the service {state}, see {log}:\n{tail}")
