"""`make demo` as its user sees it: the table comes out right, Ctrl-C leaves nothing behind, mistakes are named."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from telephony.demo.ports import PortBlock, claim_ports
from telephony.demo.seed import AGENTS
from telephony.demo.table import AGENTS_OWN_LEG, ROWS, Way
from tests.support.heard import tones
from tests.support.platform import work_folder

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

ANNOUNCEMENT = {frozenset({950}), frozenset({1400}), frozenset({1800})}
"""Hz: the three tones before "your call cannot be completed"."""

RINGING, BUSY, FAX = frozenset({440, 480}), frozenset({480, 620}), frozenset({2100})
"""Hz: the tones of North America, and a fax machine's answer."""

UP_WITHIN = 120.0
SECOND_START_WITHIN = 60.0
"""Four seconds are usual, 15 the aim; the rest is for the tests that run beside this one."""


@pytest.fixture(scope="module")
def ports() -> Iterator[PortBlock]:
    """For the pages; each demo claims a block of its own for the rest."""
    with claim_ports() as block:
        yield block


@pytest.fixture
def folder() -> Iterator[Path]:
    with work_folder("demo") as path:
        yield path


@contextmanager
def started(folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`telephony demo`; a test that fails on the way leaves none running."""
    command = [sys.executable, "-m", "telephony.cli", "demo", "--directory", str(folder), "--port", str(port), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as demo:
        try:
            yield demo
        finally:
            demo.terminate()
            demo.wait(timeout=30)


def until(process: subprocess.Popen[str], text: str) -> str:
    """What it printed up to the line with this text."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"it ended without saying {text!r}:\n{said}")


def left_over(folder: Path, port: int) -> list[str]:
    """Processes, mounts and listeners that still have to do with this demo."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # ended while we looked
        if str(folder) in command and int(process.name) != os.getpid():
            found.append(command)
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    with socket.socket() as trial:
        if trial.connect_ex(("127.0.0.1", port)) == 0:
            found.append(f"port {port}")
    return found


def test_the_scripted_demo_is_right_in_every_row(folder: Path, ports: PortBlock) -> None:
    port = ports.take()
    with started(folder, port, "--auto") as demo:
        said, _ = demo.communicate()
    assert f"{len(ROWS)} of {len(ROWS)} rows are as the table says" in said, said
    assert len(re.findall(r"^(?:standard|direct|pull).* ok$", said, re.MULTILINE)) == len(ROWS)
    assert demo.returncode == 0
    assert left_over(folder, port) == []
    for agent in AGENTS:
        heard = tones(folder / agent.username / "heard")
        # a customer on a leg of their own is heard from the join on only
        for tone in ANNOUNCEMENT:
            assert (tone in heard) == (agent.way in AGENTS_OWN_LEG), (agent, tone, heard)
        assert (BUSY in heard) == (agent.way is Way.DIRECT), (agent, heard)
        assert RINGING in heard, (agent, heard)
        assert FAX in heard or agent.way is Way.INLINE, (agent, heard)


def test_ctrl_c_ends_everything_and_the_second_start_takes_seconds(folder: Path, ports: PortBlock) -> None:
    port = ports.take()
    passwords = []
    for within in (UP_WITHIN, SECOND_START_WITHIN):
        begun = time.monotonic()
        with started(folder, port) as demo:
            said = until(demo, "Ctrl-C")
            assert time.monotonic() - begun < within
            login = re.search(r"alice +(\w+) +agent", said)
            assert login is not None, said
            passwords.append(login[1])
            assert f"http://127.0.0.1:{port}/" in said
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
                assert b"<html" in page.read()
            demo.send_signal(signal.SIGINT)
            assert demo.wait(timeout=30) == 0
            assert left_over(folder, port) == []
    assert passwords[0] == passwords[1]


def test_the_doctor_is_content_with_the_demo(folder: Path, ports: PortBlock) -> None:
    with started(folder, ports.take()) as demo:
        said = until(demo, "Ctrl-C")
        look = re.search(r"Look +(.+)", said)
        assert look is not None, said
        done = subprocess.run(look[1].split(), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        assert [line for line in lines if not line.startswith("ok   ")] == []
        assert any("folders: Asterisk plays from and records into" in line for line in lines)


def test_a_demo_that_cannot_start_says_why(folder: Path, ports: PortBlock) -> None:
    taken = ports.take()
    with socket.create_server(("127.0.0.1", taken)), started(folder, taken) as refused:
        said, _ = refused.communicate()
        assert refused.returncode == 1
        assert f"port {taken}" in said
        assert "--port" in said
    port = ports.take()
    with started(folder, port) as demo:
        until(demo, "Ctrl-C")
        with started(folder, ports.take()) as second:
            said, _ = second.communicate()
        assert second.returncode == 1
        assert "already running" in said
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(timeout=30) == 0
    assert left_over(folder, port) == []
