"""`dialplan/render`: what is missing or wrong is named, and no value can change the meaning of a file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from telephony.demo.host import REPOSITORY
from telephony.model.browser_phone import endpoint_of, password_of

pytestmark = pytest.mark.unit

SECRETS = {
    "PD_AMI_SECRET": "an-ami-secret",
    "PD_DOCTOR_SECRET": "a-doctor-secret",
    "PD_AGENT_SECRET": "a-phone-secret",
    "PD_WEB_SECRET": "a-browser-secret",
}


def render(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [REPOSITORY / "dialplan" / "render", folder]
    env = {"PATH": "/usr/bin:/bin", **settings}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=10, check=False)


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    for name in SECRETS:
        settings = {key: value for key, value in SECRETS.items() if key != name}
        done = render(tmp_path / "etc", PD_AGENTS="alice", PD_WEB_AGENTS="alice", **settings)
        assert done.returncode == 2
        assert done.stderr == f"render: {name} is missing: set {name}, or {name}_FILE to a file that holds it\n"


def test_a_secret_can_come_from_a_file_and_the_result_is_private(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-a-file-1\n")
    settings = {key: value for key, value in SECRETS.items() if key != "PD_AMI_SECRET"}
    done = render(tmp_path / "etc", PD_AMI_SECRET_FILE=str(secret), **settings)
    assert (done.returncode, done.stderr) == (0, "")
    manager = tmp_path / "etc" / "pd-manager.conf"
    assert "secret = from-a-file-1\n" in manager.read_text()
    assert manager.stat().st_mode & 0o077 == 0


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = {key: value for key, value in SECRETS.items() if key != "PD_AMI_SECRET"}
    done = render(tmp_path / "etc", PD_AMI_SECRET_FILE="/nowhere/secret", **settings)
    assert (done.returncode, done.stderr) == (2, "render: PD_AMI_SECRET_FILE: cannot read /nowhere/secret\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PD_AMI_SECRET", "short"),
        ("PD_AMI_SECRET", 'quote"quote'),
        ("PD_AMI_SECRET", "comment;comment"),
        ("PD_AMI_SECRET", "twolines\nwrite = all"),
        ("PD_AMI_PORT", "0"),
        ("PD_AMI_PORT", "65536"),
        ("PD_AMI_PORT", "five"),
        ("PD_AMI_BIND", "localhost"),
        ("PD_AMI_USER", "a]\nsecret=x"),
        ("PD_SIP_PORT", "-1"),
        ("PD_RTP_START", "80"),
        ("PD_ADVERTISED_ADDRESS", "1.2.3.4\nfoo=bar"),
        ("PD_TRUNKS", "carrier"),
        ("PD_TRUNKS", "carrier=host"),
        ("PD_TRUNKS", "carrier=host:5060\n[evil]"),
        ("PD_TRUNKS", "car[rier=host:5060"),
        ("PD_AGENTS", "alice;bob"),
        ("PD_WEB_AGENTS", "alice;bob"),
        ("PD_WEB_AGENTS", "a" * 58),
        ("PD_HTTP_BIND", "all"),
        ("PD_HTTP_PORT", "0"),
        ("PD_ICE_DENY", "docker0"),
        ("PD_LOCAL_ADDRESS", "10.0.0.1 => x"),
        ("PD_AGENTS_STATIC", "load:many:127.0.0.1:5090"),
        ("PD_STATE_DIR", "relative/path"),
        ("PD_TRUNK_QUALIFY", "1h"),
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_its_setting(tmp_path: Path, name: str, value: str) -> None:
    done = render(tmp_path / "etc", **{**SECRETS, name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"render: {name}")
    assert not list((tmp_path / "etc").glob("*.conf"))


def test_the_same_name_for_two_endpoints_is_refused(tmp_path: Path) -> None:
    done = render(tmp_path / "etc", **SECRETS, PD_TRUNKS="alice=10.0.0.1:5060", PD_AGENTS="alice")
    assert (done.returncode, done.stderr) == (2, "render: PD_AGENTS: the name alice is used twice\n")


def test_every_placeholder_is_filled_and_the_advertised_address_is_told(tmp_path: Path) -> None:
    done = render(
        tmp_path / "etc",
        **SECRETS,
        PD_TRUNKS="one=10.0.0.1:5060 two=carrier.example:5080",
        PD_AGENTS="alice bob",
        PD_AGENTS_STATIC="load:3:127.0.0.1:5090",
        PD_ADVERTISED_ADDRESS="203.0.113.7",
        PD_LOCAL_NETS="10.0.0.0/8 192.168.0.0/16",
    )
    assert (done.returncode, done.stderr) == (0, "")
    etc = tmp_path / "etc"
    pjsip = (etc / "pjsip.conf").read_text()
    assert "external_media_address = 203.0.113.7\n" in pjsip
    assert "local_net = 192.168.0.0/16\n" in pjsip
    agents = (etc / "pjsip-agents.conf").read_text()
    assert [f"[load{n}](pd-phone-static)" in agents for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert "contact = sip:carrier.example:5080\n" in (etc / "pjsip-trunks.conf").read_text()
    for path in etc.glob("*.conf"):
        settings = [line for line in path.read_text().splitlines() if not line.startswith(";")]
        assert not [line for line in settings if line.count("@") == 2 and "@NAME@" not in line], path.name


@pytest.mark.parametrize("secret", ["6666666666", "p~.=+/6_x-" * 6, "k" * 64])
def test_a_phone_in_the_browser_has_the_name_and_the_password_that_the_service_computes(
    tmp_path: Path, secret: str
) -> None:
    users = ["alice", "ann_lee@acme.example", "ann-lee_acme.example", "x" * 57]
    done = render(tmp_path / "etc", **(SECRETS | {"PD_WEB_SECRET": secret}), PD_WEB_AGENTS=" ".join(users))
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "etc" / "pd-web-agents.conf").read_text()
    endpoints = [endpoint_of(user) for user in users]
    assert len(set(endpoints)) == len(users)
    for endpoint in endpoints:
        assert f"\n[{endpoint}](pd-web)\n" in text
        assert f"\nusername = {endpoint}\npassword = {password_of(secret, endpoint)}\n" in text + "\n"
    assert endpoint_of("x" * 58) == endpoint_of("_" * 29) == ""


def test_asterisks_http_server_and_ice_are_there_only_for_phones_in_the_browser(tmp_path: Path) -> None:
    for users, enabled, ice in (("", "no", "no"), ("alice", "yes", "yes")):
        done = render(tmp_path / "etc", **SECRETS, PD_WEB_AGENTS=users)
        assert (done.returncode, done.stderr) == (0, "")
        http = (tmp_path / "etc" / "http.conf").read_text()
        assert f"\nenabled = {enabled}\nbindaddr = 127.0.0.1\nbindport = 8088\n" in http
        assert f"\nicesupport = {ice}\n" in (tmp_path / "etc" / "rtp.conf").read_text()


def test_browsers_are_told_the_advertised_address_and_not_what_is_denied(tmp_path: Path) -> None:
    addresses = {"PD_LOCAL_ADDRESS": "10.0.0.5", "PD_ADVERTISED_ADDRESS": "203.0.113.5"}
    done = render(
        tmp_path / "etc", **SECRETS, **addresses, PD_WEB_AGENTS="alice", PD_ICE_DENY="172.17.0.0/16 fe80::/10"
    )
    assert (done.returncode, done.stderr) == (0, "")
    rtp = (tmp_path / "etc" / "rtp.conf").read_text()
    assert "\nice_deny = 172.17.0.0/16\nice_deny = fe80::/10\n" in rtp
    assert "\n10.0.0.5 => 203.0.113.5,include_local_address\n" in rtp
