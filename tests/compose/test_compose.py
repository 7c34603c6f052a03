"""`docker compose up` as a new user types it: all healthy, nobody root, and the scripted demo right inside it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telephony.demo.ports import claim_ports
from telephony.demo.seed import AGENTS
from telephony.demo.table import ROWS
from tests.support.agent_page import AgentPage
from tests.support.chromium import HUM, chromium, hum, visitor

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]

REPOSITORY = Path(__file__).resolve().parents[2]
HEALTHY_WITHIN = 60.0
PARTS = ("asterisk", "service", "customers", *(f"softphone-{agent.username}" for agent in AGENTS))


class Stack:
    """One compose project with a name, a network and a port of its own."""

    def __init__(self, http_port: int) -> None:
        self.url = f"http://127.0.0.1:{http_port}"
        self._name = f"telephony-test-{http_port}"
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("TELEPHONY_", "PD_"))},
            "TELEPHONY_HTTP_PORT": str(http_port),
            # so that test runs side by side, and a demo of the machine's owner, do not meet
            "TELEPHONY_NETWORK": f"172.29.{60 + http_port % 180}",
        }

    def compose(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        files = ["-p", self._name, "-f", "docker/compose.yaml", "--profile", "demo", "--profile", "script"]
        done = subprocess.run(
            ["docker", "compose", *files, *arguments],
            cwd=REPOSITORY,
            env=self._env,
            capture_output=True,
            text=True,
            errors="replace",
        )
        assert not check or done.returncode == 0, (
            f"{' '.join(arguments)}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        return done

    def inside(self, service: str, *command: str) -> str:
        return self.compose("exec", "-T", service, *command).stdout.strip()

    def state(self, service: str) -> dict[str, Any]:
        container = self.compose("ps", "-a", "-q", service).stdout.strip()
        shown = subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(shown.stdout)[0]
        return found

    def healthy_again(self, service: str, *, restarts: int) -> None:
        until = time.monotonic() + HEALTHY_WITHIN
        while time.monotonic() < until:
            found = self.state(service)
            if found["RestartCount"] >= restarts and found["State"]["Health"]["Status"] == "healthy":
                return
            time.sleep(0.5)
        pytest.fail(f"{service} was not healthy again within {HEALTHY_WITHIN:.0f} s")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    if shutil.which("docker") is None or subprocess.run(["docker", "version"], capture_output=True).returncode:
        pytest.skip("no Docker engine answers on this machine")
    with claim_ports() as ports:
        running = Stack(ports.take())
        try:
            running.compose("build")
            running.compose("up", "--detach", "--wait", *PARTS)
            yield running
        finally:
            running.compose("down", "--volumes", "--timeout", "5", check=False)


def test_every_part_reports_healthy_and_restarts_by_itself(stack: Stack) -> None:
    for service in PARTS:
        found = stack.state(service)
        assert found["State"]["Health"]["Status"] == "healthy"
        assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    with urllib.request.urlopen(f"{stack.url}/readyz") as answer:
        assert answer.status == 200


def test_nothing_runs_as_root(stack: Stack) -> None:
    for service in PARTS:
        assert int(stack.inside(service, "id", "-u")) > 0, service


def test_secrets_are_made_on_the_first_start_and_kept_on_the_next(stack: Stack) -> None:
    secret = "/run/telephony-secrets/ami.secret"
    before = stack.inside("service", "cat", secret)
    assert re.fullmatch("[A-Za-z0-9]{24}", before)
    assert stack.inside("service", "stat", "-c", "%a", secret) == "640"
    stack.compose("run", "--rm", "secrets")
    assert stack.inside("service", "cat", secret) == before


def test_the_doctor_is_content(stack: Stack) -> None:
    lines = stack.inside("service", "telephony", "doctor").splitlines()
    assert [line for line in lines if not line.startswith("ok   ")] == []
    assert "ok   folders: Asterisk plays from and records into /srv/audio" in lines


def test_the_scripted_demo_is_right_in_every_row(stack: Stack) -> None:
    played = stack.compose("run", "--rm", "demo-script", check=False)
    assert f"{len(ROWS)} of {len(ROWS)} rows are as the table says" in played.stdout, played.stdout + played.stderr
    assert len(re.findall(r"^(?:standard|direct|pull).* ok$", played.stdout, re.MULTILINE)) == len(ROWS)
    assert played.returncode == 0


async def test_a_browser_on_this_machine_is_a_phone(stack: Stack, tmp_path: Path) -> None:
    """Its sound goes straight to Asterisk's container: heard in the echo test, whatever name the container has."""
    stack.compose("run", "--rm", "demo-data")  # contacts to be called again
    password = stack.inside("service", "cat", "/run/telephony-secrets/demo.secret")
    microphone = tmp_path / "hum.wav"
    await asyncio.to_thread(hum, microphone)
    async with chromium(microphone) as browser, visitor(browser, stack.url) as opened:
        desk = AgentPage(*opened)
        await desk.sign_in(AGENTS[0].username, password)
        await desk.phone_in_browser()
        await desk.press("phone")
        await desk.press("echo-test")
        await desk.phone_is("in_call")
        assert await heard(desk, HUM)
        await desk.press("echo-stop")
        await desk.phone_is("ready")
        await desk.page.keyboard.press("Escape")
        await desk.go("available")
        await desk.shows(state="previewing")
        await desk.phone_is("in_call")
        await desk.press("leave")
        await desk.shows(state="idle")


async def heard(desk: AgentPage, pitch: float) -> bool:
    """Whether a pitch comes out of the speaker within half a minute."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        hertz, loud = await desk.hears()
        if abs(hertz - pitch) < 10 and loud > -70:
            return True
    return False


def test_asterisk_has_nothing_to_complain_about(stack: Stack) -> None:
    log = stack.compose("logs", "--no-log-prefix", "asterisk").stdout
    assert " NOTICE[" in log  # or its words would not be found as they are looked for
    assert [line for line in log.splitlines() if " WARNING[" in line or " ERROR[" in line] == []


def test_a_service_that_ends_comes_back_with_its_data(stack: Stack) -> None:
    before = stack.state("service")["RestartCount"]
    stack.inside("service", "sh", "-c", "kill -TERM 1")
    stack.healthy_again("service", restarts=before + 1)
    with urllib.request.urlopen(f"{stack.url}/readyz") as answer:
        assert answer.status == 200
    assert "epoch 2" in stack.compose("logs", "--no-log-prefix", "service").stdout
