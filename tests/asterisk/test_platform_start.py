"""Asterisk starts with our configuration without a complaint, quickly, and keeps its database through a crash."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from telephony.demo.customers import Customers
from telephony.demo.load_phones import LoadPhones
from telephony.demo.pbx import AmiLogin, Pbx
from telephony.demo.ports import PortBlock
from tests.support.bare_ami import BareAmi
from tests.support.platform import new_pbx, work_folder

pytestmark = pytest.mark.asterisk


async def test_a_fresh_start_logs_no_warning_and_no_error(
    ports: PortBlock, customers: Customers, load_phones: LoadPhones
) -> None:
    with work_folder("fresh") as folder:
        pbx = new_pbx(folder, ports, customers=customers, load_phones=load_phones, rtp_ports=40)
        await pbx.start()
        await pbx.stop()
        complaints = [line for line in pbx.log().splitlines() if " WARNING[" in line or " ERROR[" in line]
        assert "modules will be loaded" in pbx.log()
        assert complaints == []


async def test_what_the_recorder_wrote_survives_a_crash_and_the_next_start_takes_seconds(
    ports: PortBlock, customers: Customers, load_phones: LoadPhones
) -> None:
    with work_folder("crash") as folder:
        pbx = new_pbx(folder, ports, customers=customers, load_phones=load_phones, rtp_ports=40)
        await pbx.start()
        async with BareAmi(pbx.ami) as ami:
            leg = await ami.dial("PJSIP/15550100001@customers", "pd-customer", "answered")
            before = await ami.recorded(leg)
            held = await ami.dial("PJSIP/load1", "pd-agent", "hold")
            await ami.until(Event="BridgeEnter", Uniqueid=held)
        # Asterisk writes its database to disk about once a second.
        time.sleep(1.5)  # noqa: ASYNC251  # nothing else runs in this test
        await pbx.kill()
        assert not pbx.running
        started = time.monotonic()
        await pbx.start()
        assert time.monotonic() - started < 5
        async with BareAmi(pbx.ami) as ami:
            rows = await ami.listed("DBGetTree", Family="pd-legs")
            channels = await ami.action("CoreStatus")
        assert [row["Val"].split("|") for row in rows] == [before]
        assert channels["CoreCurrentCalls"] == "0"
        await pbx.stop()


async def test_a_second_originate_with_the_id_of_a_living_leg_is_refused(
    ports: PortBlock, customers: Customers, load_phones: LoadPhones
) -> None:
    """On a PBX of its own: Asterisk 22.10 leaks what it made for the refused call and then waits for it at its stop."""
    with work_folder("twice") as folder:
        pbx = new_pbx(folder, ports, customers=customers, load_phones=load_phones, rtp_ports=40)
        await pbx.start()
        async with BareAmi(pbx.ami) as ami:
            leg = await ami.dial("PJSIP/load1", "pd-agent", "hold")
            await ami.until(Event="BridgeEnter", Uniqueid=leg)
            same = {"Context": "pd-agent", "Exten": "hold", "Priority": "1", "Async": "true"}
            answer = await ami.action("Originate", ActionID="again", Channel="PJSIP/load2", ChannelId=leg, **same)
            if answer["Response"] == "Success":
                told = await ami.until(Event="OriginateResponse", ActionID="again")
                assert told["Response"] == "Failure"
            assert len(ami.seen(Event="Newchannel")) == 1
        await pbx.kill()


async def test_the_service_may_not_run_programs_or_change_settings(pbx: Pbx) -> None:
    async with BareAmi(pbx.ami) as ami:
        for action in ("Command", "ModuleLoad", "Reload", "DBPut", "UpdateConfig", "GetConfig"):
            answer = await ami.action(action, Command="core show version", Filename="manager.conf")
            assert answer["Message"] == "Permission denied", action


async def test_a_wrong_secret_is_refused(pbx: Pbx) -> None:
    login = AmiLogin(host=pbx.ami.host, port=pbx.ami.port, user=pbx.ami.user, secret="not-the-secret")
    with pytest.raises(AssertionError, match="Authentication failed"):
        async with BareAmi(login):
            pass


def test_secrets_are_readable_by_nobody_else(pbx: Pbx) -> None:
    folder: Path = pbx.settings.directory
    for path in (folder / "ami.secret", folder / "etc" / "pd-manager.conf", folder / "etc" / "pjsip.conf"):
        assert path.stat().st_mode & 0o077 == 0, path
