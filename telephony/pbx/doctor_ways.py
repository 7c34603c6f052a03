"""The doctor's look at the ways between Asterisk, this machine and the trunks: FastAGI, SIP, audio, files."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import secrets
import struct
import wave
from collections.abc import Sequence
from pathlib import Path

from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.doctor_fastagi import FastAgiListener, is_our_service
from telephony.pbx.doctor_finding import Finding
from telephony.pbx.doctor_manager import ManagerLine
from telephony.pbx.doctor_media import PACKETS, EchoCall, answers_options
from telephony.pbx.doctor_probe import PROBE_WITHIN, originate, probe


def fast_agi(line: ManagerLine, host: str, port: int, address: str) -> Finding:
    """Can Asterisk reach the service: the running one, or a listener of ours in its place?"""
    try:
        with FastAgiListener(host, port) as listener:
            status = probe(line, "fastagi", {"Application": "Wait", "Data": "1"}, PD_FASTAGI=address)
            if listener.reached:
                return Finding(name="fastagi", fact=f"Asterisk reached {address}, where the service will listen")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return Finding(
                name="fastagi",
                fact=f"cannot listen on {host}:{port}: {error.strerror}",
                remedy="make fastagi.host an address of this machine, or 0.0.0.0",
            )
        if not is_our_service("127.0.0.1" if host == "0.0.0.0" else host, port):  # noqa: S104  # compared
            return Finding(
                name="fastagi",
                fact=f"another program listens on {host}:{port}",
                remedy="end that program, or set fastagi.port to a free port",
            )
        status = probe(line, "fastagi", {"Application": "Wait", "Data": "1"}, PD_FASTAGI=address)
        if status == "SUCCESS":
            return Finding(name="fastagi", fact=f"Asterisk reached the running service at {address}")
    return Finding(
        name="fastagi",
        fact=f"Asterisk cannot reach {address} ({status or 'no word from [pd-probe]'})",
        remedy="set fastagi.advertise to host:port of this service as Asterisk sees it, listen on an address that"
        " Asterisk can reach (fastagi.host), and open that port in the firewall",
    )


def trunk(line: ManagerLine, endpoint: str) -> Finding:
    """Does the other end of a trunk answer?"""
    name = f"trunk {endpoint}"
    if line.value(f"DEVICE_STATE(PJSIP/{endpoint})") in ("INVALID", ""):
        return Finding(
            name=name,
            fact="Asterisk has no PJSIP endpoint of this name",
            remedy="add it to pjsip.conf (PD_TRUNKS for dialplan/render), or correct the trunk's dial template",
        )
    aor = line.value(f"PJSIP_ENDPOINT({endpoint},aors)").split(",")[0].strip() or endpoint
    contact = line.value(f"PJSIP_AOR({aor},contact)").split(",")[0].strip()
    uri = line.value(f"PJSIP_CONTACT({contact},uri)") if contact else ""
    if not uri:
        return Finding(
            name=name,
            fact="no address is known for it",
            remedy="give its AOR a contact, let it register, or load func_pjsip_endpoint.so, func_pjsip_aor.so and"
            " func_pjsip_contact.so so that it can be seen",
        )
    status = line.value(f"PJSIP_CONTACT({contact},status)")
    if status == "Reachable":
        return Finding(name=name, fact=f"{uri} answers Asterisk's OPTIONS")
    if status == "Unreachable":
        return Finding(
            name=name,
            fact=f"{uri} does not answer Asterisk's OPTIONS",
            remedy="ask the carrier, and see that the firewall lets SIP through both ways",
        )
    with contextlib.suppress(OSError):
        if answers_options(uri):
            return Finding(name=name, fact=f"{uri} answers our OPTIONS; Asterisk does not ask (qualify_frequency = 0)")
    return Finding(
        name=name,
        fact=f"{uri} does not answer OPTIONS from this machine, and Asterisk does not ask",
        remedy="set qualify_frequency of its AOR (PD_TRUNK_QUALIFY=60 for dialplan/render), so that Asterisk itself"
        " finds out, and ask the carrier",
    )


def rtp(line: ManagerLine, endpoints: Sequence[str], source: str) -> Finding:
    """Does audio go both ways, on the way of a real call to `source`, an address of ours?"""
    known = [e for e in endpoints if line.value(f"DEVICE_STATE(PJSIP/{e})") not in ("INVALID", "")]
    if not known:
        return Finding(name="rtp", fact="not tried: no trunk to call through")
    try:
        with EchoCall(source) as call:
            channel = f"doctor-{secrets.token_hex(8)}"
            target = {"Context": "pd-probe", "Exten": "echo", "Priority": "1", "ChannelId": channel}
            originate(line, f"PJSIP/{known[0]}/{call.uri}", target)
            call.done.wait(PROBE_WITHIN)
            line.ask({"Action": "Hangup", "Channel": channel})
            result = call.result
    except OSError as error:
        return Finding(name="rtp", fact=f"no UDP port here: {error.strerror}", remedy="see this machine's network")
    if not result.invited:
        return Finding(
            name="rtp",
            fact=f"no SIP call came from Asterisk to {source} through {known[0]}",
            remedy="let UDP through between the two machines; a trunk with an outbound proxy or over TCP cannot be"
            " used for this check",
        )
    if result.returned < PACKETS // 2:
        problem = f"; {result.problem}" if result.problem else ""
        return Finding(
            name="rtp",
            fact=f"of {PACKETS} audio packets to {result.media} only {result.returned} came back{problem}",
            remedy="make the media address that Asterisk tells (PD_ADVERTISED_ADDRESS, external_media_address) one"
            " that the other side reaches, and open the RTP port range of rtp.conf for UDP both ways",
        )
    back = f"{result.returned} of {PACKETS} audio packets came back from {result.media}"
    return Finding(name="rtp", fact=f"{back}, after {result.round_trip * 1000:.1f} ms")


def folders(line: ManagerLine, audio: AudioFolder) -> Finding:
    """Can Asterisk play what we write, and may we read and remove what it records?"""
    name, fact, remedy = f"doctor-{secrets.token_hex(8)}", "", _remedy(audio)
    if not audio.nameable:
        fact, remedy = f"{audio.there} cannot be named to Asterisk", "use letters, digits and ._- in it"
        return Finding(name="folders", fact=fact, remedy=remedy)
    played, recorded = audio.messages / f"{name}.wav", audio.recordings / f"{name}.wav"
    try:
        audio.prepare()
        _write_tone(played)
    except OSError as error:
        fact = f"cannot write to {error.filename or audio.here}: {error.strerror}"
        return Finding(name="folders", fact=fact, remedy=remedy)
    try:
        tone = {"Application": "Playback", "Data": audio.for_pbx(played.with_suffix(""))}
        if probe(line, "hear", tone) != "SUCCESS":
            fact = f"Asterisk cannot play a file from {audio.for_pbx(audio.messages)}"
            return Finding(name="folders", fact=fact, remedy=remedy)
        source = {"Context": "pd-probe", "Exten": "tone", "Priority": "1"}
        status = probe(line, "record", source, PD_PROBE_FILE=audio.for_pbx(recorded.with_suffix("")))
        if not recorded.exists():
            fact = f"Asterisk's recording did not arrive in {audio.recordings} ({status or 'no word'})"
        elif not os.access(recorded, os.R_OK):
            fact = f"what Asterisk records in {audio.recordings} cannot be read by this user"
    finally:
        played.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            recorded.unlink(missing_ok=True)
    if not fact and recorded.exists():
        fact = f"what Asterisk records in {audio.recordings} cannot be removed by this user"
    if fact:
        return Finding(name="folders", fact=fact, remedy=remedy)
    return Finding(name="folders", fact=f"Asterisk plays from and records into {audio.here}")


def _remedy(audio: AudioFolder) -> str:
    elsewhere = f", which Asterisk must find at {audio.there}" if str(audio.there) != str(audio.here) else ""
    return (
        f"share {audio.here} with Asterisk{elsewhere} (audio_dir, pbx_audio_dir): a group that the users of both are in"
        f" must own it and all in it, and may read and write there (chgrp -R, chmod -R g+rwX, folders g+s)"
    )


def _write_tone(path: Path) -> None:
    """Three seconds of 1000 Hz, which [pd-probe] hear waits for."""
    samples = (round(8000 * math.sin(2 * math.pi * 1000 * n / 8000)) for n in range(3 * 8000))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    path.chmod(0o644)
