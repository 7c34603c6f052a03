"""`telephony doctor` before a real Asterisk: healthy, down, and ill in every way it has a name for."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from telephony.demo.customers import Customers
from telephony.demo.load_phones import LoadPhones
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.pbx.asterisk import AsteriskSwitchboard
from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.doctor import Finding, PbxDoctor
from telephony.pbx.doctor_manager import ManagerLine
from tests.support.diary import Diary
from tests.support.platform import AGENTS, TRUNK, new_pbx, work_folder

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
def ill_pbx(ports: PortBlock, customers: Customers, load_phones: LoadPhones) -> Iterator[Pbx]:
    """A PBX that may be spoiled, if the test mends it again."""
    with work_folder("doctor") as folder:
        running = new_pbx(folder, ports, customers=customers, load_phones=load_phones, rtp_ports=40)
        asyncio.run(running.start())
        yield running
        asyncio.run(running.stop())


@pytest.fixture
def shared(ill_pbx: Pbx) -> Path:
    """A folder that Asterisk and we both use."""
    return ill_pbx.audio


def look(pbx: Pbx, ports: PortBlock, folder: Path, **changes: Any) -> dict[str, Finding]:
    """The doctor's findings by name."""
    port, ears = ports.take(), ports.take()
    settings: dict[str, Any] = {
        "host": pbx.ami.host,
        "port": pbx.ami.port,
        "username": pbx.ami.user,
        "secret": pbx.ami.secret,
        "fastagi_host": "127.0.0.1",
        "fastagi_port": port,
        "fastagi_address": f"127.0.0.1:{port}",
        "ears_host": "127.0.0.1",
        "ears_port": ears,
        "ears_address": f"127.0.0.1:{ears}",
        "audio": AudioFolder(here=folder, there=PurePosixPath(folder)),
        "dials": [f"PJSIP/{{number}}@{TRUNK}"],
        "phones_host": pbx.settings.bind,
        "phones_port": pbx.settings.http_port,
        "phones_secret": pbx.web_secret,
        "users": AGENTS,
    }
    return {finding.name: finding for finding in PbxDoctor(**(settings | changes)).findings()}


def bad(findings: dict[str, Finding]) -> list[str]:
    return [name for name, finding in findings.items() if not finding.ok]


@contextmanager
def surgeon(pbx: Pbx) -> Iterator[ManagerLine]:
    """A manager user who may change the PBX."""
    login = pbx.doctor
    line = ManagerLine(host=login.host, port=login.port, username=login.user, secret=login.secret)
    try:
        yield line
    finally:
        line.close()


def test_a_healthy_pbx(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    findings = look(ill_pbx, ports, shared)
    ways = ["fastagi", "ears", "browser phones", "clock", f"trunk {TRUNK}", "rtp", "folders"]
    assert list(findings) == ["ami", "rights", "dialplan", "modules", "events", *ways]
    assert not bad(findings), findings
    assert not list(shared.rglob("doctor-*")), "the doctor leaves nothing behind"


def test_the_pbx_is_down(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    findings = look(ill_pbx, ports, shared, port=ports.take())
    assert list(findings) == ["ami"]
    assert "cannot connect" in findings["ami"].fact
    assert "start Asterisk" in findings["ami"].remedy


def test_something_else_answers_in_place_of_the_pbx(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        findings = look(ill_pbx, ports, shared, port=silent.getsockname()[1])
    assert bad(findings) == ["ami"]
    assert "within 5 s" in findings["ami"].fact


def test_the_secret_is_wrong(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    findings = look(ill_pbx, ports, shared, secret="not-the-secret")
    assert list(findings) == ["ami"]
    assert "does not let" in findings["ami"].fact
    assert "ami.secret" in findings["ami"].remedy
    assert "not-the-secret" not in str(findings["ami"])


def test_the_user_lacks_rights(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    login = ill_pbx.doctor  # which may not hang up or redirect
    findings = look(ill_pbx, ports, shared, username=login.user, secret=login.secret)
    assert bad(findings) == ["rights"]
    assert "Redirect" in findings["rights"].fact
    assert findings["rights"].remedy.endswith("call")


def test_a_context_is_missing(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    with surgeon(ill_pbx) as line:
        gone = line.ask({"Action": "DialplanExtensionRemove", "Context": "pd-forget", "Extension": "s"})
        assert gone["Response"] == "Success", gone
        try:
            findings = look(ill_pbx, ports, shared)
        finally:
            line.ask({"Action": "Reload", "Module": "pbx_config.so"})
    assert bad(findings) == ["dialplan"]
    assert "s@pd-forget" in findings["dialplan"].fact
    assert "pd-extensions.conf" in findings["dialplan"].remedy


def test_a_module_is_not_loaded(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    with surgeon(ill_pbx) as line:
        gone = line.ask({"Action": "ModuleLoad", "Module": "app_amd.so", "LoadType": "unload"})
        assert gone["Response"] == "Success", gone
        try:
            findings = look(ill_pbx, ports, shared)
        finally:
            line.ask({"Action": "ModuleLoad", "Module": "app_amd.so", "LoadType": "load"})
    assert bad(findings) == ["modules"]
    assert findings["modules"].fact == "not loaded: app_amd.so"


def test_asterisk_cannot_reach_the_service(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    findings = look(ill_pbx, ports, shared, fastagi_address=f"127.0.0.1:{ports.take()}")
    assert bad(findings) == ["fastagi"]
    assert "fastagi.advertise" in findings["fastagi"].remedy


def test_asterisk_cannot_reach_the_ears(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    findings = look(ill_pbx, ports, shared, ears_address=f"127.0.0.1:{ports.take()}")
    assert bad(findings) == ["ears"]
    assert "ears.advertise" in findings["ears"].remedy


@pytest.mark.parametrize(
    ("changes", "fact", "remedy"),
    [
        ({"phones_secret": "not-the-secret"}, "does not take the password of pd-web-alice", "PD_WEB_SECRET"),
        ({"users": ["ann"]}, "no endpoint for any of the 1 agents, such as pd-web-ann", "PD_WEB_AGENTS"),
        ({"phones_port": 1}, "does not answer at 127.0.0.1:1", "http.conf"),
    ],
)
def test_no_phone_in_the_browser(
    ill_pbx: Pbx, ports: PortBlock, shared: Path, changes: dict[str, Any], fact: str, remedy: str
) -> None:
    findings = look(ill_pbx, ports, shared, **changes)
    assert bad(findings) == ["browser phones"]
    assert fact in findings["browser phones"].fact
    assert remedy in findings["browser phones"].remedy


def test_browser_phones_lack_a_module_or_are_not_wanted(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    with surgeon(ill_pbx) as line:
        gone = line.ask({"Action": "ModuleLoad", "Module": "res_srtp.so", "LoadType": "unload"})
        assert gone["Response"] == "Success", gone
        try:
            findings = look(ill_pbx, ports, shared)
            unwanted = look(ill_pbx, ports, shared, phones_secret="")
        finally:
            line.ask({"Action": "ModuleLoad", "Module": "res_srtp.so", "LoadType": "load"})
    assert bad(findings) == ["browser phones"]
    assert findings["browser phones"].fact == "not loaded: res_srtp.so"
    assert not bad(unwanted), "a PBX without phones in the browser is healthy"


def test_something_else_answers_in_place_of_the_websocket(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    findings = look(ill_pbx, ports, shared, phones_port=ill_pbx.ami.port)
    assert bad(findings) == ["browser phones"]
    assert "sub-protocol sip" in findings["browser phones"].fact


def test_another_program_has_the_services_port(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        findings = look(ill_pbx, ports, shared, fastagi_port=port, fastagi_address=f"127.0.0.1:{port}")
    assert bad(findings) == ["fastagi"]
    assert "another program" in findings["fastagi"].fact


async def test_beside_the_running_service(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    port, ears, login, diary = ports.take(), ports.take(), ill_pbx.ami, Diary()
    board = AsteriskSwitchboard(
        host=login.host,
        port=login.port,
        username=login.user,
        secret=login.secret,
        fastagi_port=port,
        ears_port=ears,
    )
    board.subscribe(diary.note, diary.gate)
    await board.start()
    try:
        address = {"fastagi_port": port, "fastagi_address": f"127.0.0.1:{port}"}
        address |= {"ears_port": ears, "ears_address": f"127.0.0.1:{ears}"}
        findings = await asyncio.to_thread(look, ill_pbx, ports, shared, **address)
    finally:
        await board.stop()
    assert not bad(findings), findings
    assert "running service" in findings["fastagi"].fact
    assert "what listens at" in findings["ears"].fact
    assert not diary.questions


def test_a_trunk_is_dead_and_another_not_there(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    findings = look(ill_pbx, ports, shared, dials=["PJSIP/carol/sip:{number}@10.0.0.1", "PJSIP/{number}@nowhere"])
    assert "no address is known" in findings["trunk carol"].fact  # a phone that is not registered
    assert "no PJSIP endpoint" in findings["trunk nowhere"].fact
    assert {"trunk carol", "trunk nowhere"} <= set(bad(findings))


def test_a_folder_that_asterisk_does_not_share(ill_pbx: Pbx, ports: PortBlock, tmp_path: Path) -> None:
    with work_folder("private") as folder:
        folder.chmod(0o700)
        findings = look(ill_pbx, ports, folder, dials=[])
    assert bad(findings) == ["folders"]
    assert str(folder) in findings["folders"].remedy


def test_a_folder_that_asterisk_knows_by_another_path(ill_pbx: Pbx, ports: PortBlock, tmp_path: Path) -> None:
    here, there = tmp_path / "audio", PurePosixPath(ill_pbx.audio)
    here.symlink_to(ill_pbx.audio)
    findings = look(ill_pbx, ports, here, dials=[], audio=AudioFolder(here=here, there=there))
    assert not bad(findings), findings
    findings = look(ill_pbx, ports, here, dials=[])  # nobody says so: Asterisk cannot find the link
    assert bad(findings) == ["folders"]
    assert str(here) in findings["folders"].remedy


def doctor_command(pbx: Pbx, ports: PortBlock, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("TELEPHONY_")}
    env |= {
        "TELEPHONY_AMI_HOST": pbx.ami.host,
        "TELEPHONY_AMI_PORT": str(pbx.ami.port),
        "TELEPHONY_AMI_USERNAME": pbx.ami.user,
        "TELEPHONY_AMI_SECRET": pbx.ami.secret,
        "TELEPHONY_FASTAGI_PORT": str(ports.take()),
        "TELEPHONY_EARS_PORT": str(ports.take()),
        "TELEPHONY_DATA_DIR": str(data),
        "TELEPHONY_AUDIO_DIR": str(data),
    }
    command = [sys.executable, "-m", "telephony.cli", "doctor"]
    return subprocess.run(command, env=env | environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_says_a_line_for_each_check(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    done = doctor_command(ill_pbx, ports, shared)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok   ") for line in lines)
    assert lines[0].startswith("ok   database: ")
    assert "rtp: not tried" in done.stdout
    assert done.stderr == ""
    assert not list(shared.glob("*.sqlite3")), "the doctor makes no database"


def test_the_command_fails_with_a_remedy(ill_pbx: Pbx, ports: PortBlock, shared: Path) -> None:
    nowhere = f"postgresql://nobody:hidden-word@127.0.0.1:{ports.take()}/none"
    done = doctor_command(ill_pbx, ports, shared, TELEPHONY_AMI_SECRET="not-the-secret", TELEPHONY_DATABASE_URL=nowhere)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == ["FAIL database", "ok   messages", "FAIL ami"], done.stderr
    assert all("Remedy: " in line for line in lines if line.startswith("FAIL"))
    assert "hidden-word" not in done.stdout + done.stderr
    assert "not-the-secret" not in done.stdout + done.stderr
