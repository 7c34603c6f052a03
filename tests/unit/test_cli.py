"""The command line, as its users type it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from telephony.cli import COMMANDS, main

pytestmark = pytest.mark.unit

PASSWORD = "correct horse"


@pytest.fixture
def telephony(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Telephony:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("TELEPHONY_"):
            monkeypatch.delenv(name)
    return Telephony()


class Telephony:
    """`telephony(...)` runs the command with these words."""

    def __call__(self, *words: str, code: int = 0, said: str | None = None) -> Result:
        result = CliRunner().invoke(main, words, input=said)
        assert result.exit_code == code, result.output
        return result

    def company(self) -> None:
        """A tenant with a campaign, in a database of the working directory."""
        from datetime import UTC, datetime

        from sqlalchemy import select

        from telephony.store import campaigns
        from telephony.store.engine import Store
        from telephony.store.schema import tenants

        self("tenant", "add", "Acme", "--max-calls", "3")
        store = Store("sqlite:///data/telephony.sqlite3")
        new = campaigns.NewCampaign(name="Spring")
        store.transact(
            lambda conn: campaigns.create_campaign(
                conn, conn.execute(select(tenants.c.id)).scalar_one(), new, now=datetime.now(UTC)
            )
        )
        store.engine.dispose()

    def called(self, *calls: tuple[str, str, float, int]) -> None:
        """Ended calls of the campaign: verdict, disposition, seconds to the verdict, day of November 2026 (UTC)."""
        facts = {
            "mode": "preview_standard", "amd": "parallel", "state": "ended", "epoch": 1, "outcome": "TALKED",
            "e164": "+442079460000", "cell_id": "-", "agent_id": "-", "contact_id": "-", "offer_id": "-",
            "number_id": "-",
        }  # fmt: skip
        with closing(sqlite3.connect("data/telephony.sqlite3")) as database, database:
            campaign, tenant = database.execute("SELECT id, tenant_id FROM campaigns").fetchone()
            for number, (verdict, disposition, after, day) in enumerate(calls):
                at = f"2026-11-{day:02d} 23:59:00.000000"
                row = {
                    **facts, "id": str(number), "campaign_id": campaign, "tenant_id": tenant, "granted_at": at,
                    "joined_at": at, "amd_verdict": verdict, "amd_after": after, "disposition": disposition,
                }  # fmt: skip
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                database.execute(f"INSERT INTO attempts ({names}) VALUES ({marks})", list(row.values()))


def test_help_names_every_command_and_what_it_is_for(telephony: Telephony) -> None:
    helped = telephony("--help").output
    for command in COMMANDS:
        (line,) = [line for line in helped.splitlines() if line.startswith(f"  {command} ")]
        assert len(line.split()) > 2
        telephony(command, "--help")
    assert "No such command" in telephony("dance", code=2).output


def test_a_quick_look_does_not_wait_for_what_the_service_needs(telephony: Telephony) -> None:
    words = [sys.executable, "-X", "importtime", "-m", "telephony.cli", "settings"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "http.port" in done.stdout
    assert "sqlalchemy" not in done.stderr
    assert "aiohttp" not in done.stderr


def test_settings_are_shown_with_their_source(telephony: Telephony, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEPHONY_AMI_SECRET", "hunter2")
    shown = telephony("settings").output
    assert "http.port" in shown
    assert "environment TELEPHONY_AMI_SECRET" in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize("command", [["settings"], ["serve"], ["agent", "list"]])
def test_a_wrong_setting_stops_everything_before_it_starts(
    telephony: Telephony, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("TELEPHONY_HTTP_PORT", "x")
    result = telephony(*command, code=2)
    assert result.stderr.startswith("telephony: http.port (environment TELEPHONY_HTTP_PORT): 'x'")
    assert not Path("data").exists()


def test_serve_without_asterisks_secret_says_what_to_set(telephony: Telephony) -> None:
    assert "TELEPHONY_AMI_SECRET" in telephony("serve", code=2).stderr


def test_a_database_that_cannot_be_reached(telephony: Telephony, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEPHONY_DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/none")
    result = telephony("agent", "list", code=2)
    assert result.stderr.startswith("telephony: database_url:")
    assert "s3cret" not in result.stderr
    monkeypatch.setenv("TELEPHONY_AMI_SECRET", "secret")
    result = telephony("serve", code=2)
    assert result.stderr.startswith("telephony: database_url:")
    assert "s3cret" not in result.stderr


def test_a_data_dir_that_cannot_be_made(telephony: Telephony, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TELEPHONY_AMI_SECRET", "secret")
    monkeypatch.setenv("TELEPHONY_DATA_DIR", str(tmp_path / "file" / "data"))
    said = telephony("serve", code=2).output
    assert said.startswith("telephony: data_dir: ")
    assert said.count("\n") == 1


def test_an_audio_dir_that_cannot_be_used(
    telephony: Telephony, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "messages").touch()
    monkeypatch.setenv("TELEPHONY_AMI_SECRET", "secret")
    monkeypatch.setenv("TELEPHONY_AUDIO_DIR", str(tmp_path))
    said = telephony("serve", code=2).output
    assert said == f"telephony: audio_dir: {tmp_path}/messages cannot be used: File exists\n"


def test_from_nothing_to_contacts_and_back(telephony: Telephony) -> None:
    telephony.company()
    Path("people.csv").write_text(
        "external_id,name,number,label,balance\n"
        "1,Jo,+442079460000,mobile,12\n"
        "2,Al,not a number,,\n"
        '3,"=Cy",+442079460003,,7\n'
    )
    result = telephony("contacts", "import", "people.csv", "--campaign", "Spring", "--rejected", "bad.csv", code=1)
    assert "added 2, updated 0, rejected 1" in result.output
    assert "row 3: number" in result.stderr
    (bad,) = csv.DictReader(io.StringIO(Path("bad.csv").read_text()))
    assert (bad["_row"], bad["external_id"], bad["number"]) == ("3", "2", "not a number")
    telephony("contacts", "export", "--campaign", "Spring", "--output", "out.csv")
    exported = list(csv.DictReader(io.StringIO(Path("out.csv").read_text())))
    assert [(row["external_id"], row["name"], row["number_1"]) for row in exported] == [
        ("1", "Jo", "+442079460000"),
        ("3", "'=Cy", "+442079460003"),
    ]
    again = telephony("contacts", "import", "people.csv", "--campaign", "Spring", code=1)
    assert "added 0, updated 2, rejected 1" in again.output


def test_a_good_file_ends_with_0_and_json_is_taken_too(telephony: Telephony) -> None:
    telephony.company()
    Path("people.json").write_text(json.dumps([{"external_id": "1", "name": "Jo", "number": "+442079460000"}]))
    assert "added 1" in telephony("contacts", "import", "people.json", "--campaign", "Spring").output


SPANISH = "C\xf3digo;Nombre;Tel\xe9fono;Apuntes\n1;Jo;+44 20 7946 0000;vip\n2;Al;12;\n"


def test_a_file_in_other_words_is_taken_by_its_guessed_columns(telephony: Telephony) -> None:
    telephony.company()
    Path("lista.csv").write_bytes(SPANISH.encode("windows-1252"))
    refused = telephony("contacts", "import", "lista.csv", "--campaign", "Spring", code=1)
    assert "save it as CSV UTF-8" in refused.stderr
    shown = telephony("contacts", "import", "lista.csv", "--campaign", "Spring", "--preview").output
    assert "windows-1252, delimiter semicolon" in shown
    assert [line.split() for line in shown.splitlines()[1:4]] == [
        ["C\xf3digo", "external_id"],
        ["Nombre", "name"],
        ["Tel\xe9fono", "number"],
    ]
    assert "row 3: 2 | Al | 12 |   <- number: " in shown
    assert telephony("contacts", "export", "--campaign", "Spring").output.count("\n") == 1  # nothing was taken
    taken = telephony("contacts", "import", "lista.csv", "--campaign", "Spring", "--guess", code=1)
    assert "added 1, updated 0, rejected 1" in taken.output


def test_columns_are_named_in_their_order_and_what_cannot_do_is_said_before_anything_is_made(
    telephony: Telephony,
) -> None:
    telephony.company()
    Path("people.txt").write_text("1|x|Jo|+442079460000\n")
    common = ("contacts", "import", "people.txt", "--campaign", "Spring", "--no-header", "--delimiter", "bar")
    names = ("--column", "external_id", "--column", "", "--column", "name")
    bad = telephony(*common, *names, "--column", "mail", "--list", "Unmade", code=1)
    assert "there is no column 'number'" in bad.stderr
    assert "number" in telephony(*common, *names, "--column", "mail", "--preview", code=1).stderr
    assert "added 1" in telephony(*common, *names, "--column", "number").output
    assert "--column must say" in telephony(*common, code=2).stderr
    header = telephony("contacts", "export", "--campaign", "Spring").output.splitlines()[0]
    assert "mail" not in header
    Path("people.json").write_text("[]")
    refused = telephony("contacts", "import", "people.json", "--campaign", "Spring", "--column", "name", code=1)
    assert "is for CSV" in refused.stderr


def test_a_campaign_is_started_and_stopped(telephony: Telephony) -> None:
    telephony.company()
    assert "Spring is running" in telephony("campaign", "start", "Spring").output
    assert telephony("campaign", "list").output.splitlines()[1].split()[:2] == ["Spring", "yes"]
    telephony("campaign", "stop", "Spring")
    assert "preview_standard" in telephony("campaign", "show", "Spring").output
    missing = telephony("campaign", "start", "Autumn", code=1)
    assert "there is no campaign 'Autumn' (there are: Spring)" in missing.output


def test_the_report_on_machine_detection_says_so_where_there_is_nothing_to_report(telephony: Telephony) -> None:
    telephony.company()
    assert telephony("amd", "report").output == (
        "No call of any campaign in this time has a verdict: calls are judged with amd 'inline' or 'parallel'.\n"
    )
    assert telephony("amd", "report", "--campaign", "Spring").output.startswith("No call of Spring in this time")
    assert "there is no campaign 'Sprung'" in telephony("amd", "report", "--campaign", "Sprung", code=1).output
    assert "--since" in telephony("amd", "report", "--since", "yesterday", code=2).output


def test_the_report_on_machine_detection_sets_verdicts_against_the_agents_word(telephony: Telephony) -> None:
    telephony.company()
    telephony.called(
        ("HUMAN", "success", 1.9, 1),
        ("HUMAN", "not_interested", 2.1, 1),
        ("MACHINE", "success", 2.5, 1),
        ("MACHINE", "answering_machine", 3.0, 2),
        ("NOT_SURE", "none", 5.0, 3),
    )
    lines = telephony("amd", "report").output.splitlines()
    assert lines[0] == "Spring: 5 calls with a verdict, 4 of them with an agent's word"
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:7]}
    assert rows["HUMAN"] == ["2", "0", "0", "1.9", "s", "2.1", "s"]
    assert rows["MACHINE"] == ["1", "1", "0", "2.5", "s", "3.0", "s"]
    assert rows["NOT_SURE"] == ["0", "0", "1", "5.0", "s", "5.0", "s"]
    assert rows["FAX"] == ["0", "0", "0", "-", "-"]
    assert lines[7:9] == [
        "people called machines: 1 of 3: 33.3% (6.1%-79.2%)",
        "machines found: 1 of 1: 100.0% (20.7%-100.0%)",
    ]
    second = telephony("amd", "report", "--since", "2026-11-02", "--until", "2026-11-02").output.splitlines()
    assert second[0] == "Spring: 1 calls with a verdict, 1 of them with an agent's word"
    only_doubt = telephony("amd", "report", "--since", "2026-11-03").output
    assert "No agent said who was there; dispositions tell it by their setting `reached`" in only_doubt


def test_limits_are_seen_and_set(telephony: Telephony) -> None:
    telephony.company()
    telephony("limit", "set", "tenant", "Acme", "7")
    assert telephony("limit", "list").output.splitlines()[1].split() == ["tenant", "Acme", "7", "0"]
    telephony("limit", "set", "tenant", "Acme", "-1", code=2)
    assert "no trunk 'x'" in telephony("limit", "set", "trunk", "x", "1", code=1).output


def test_the_first_users(telephony: Telephony) -> None:
    telephony.company()
    telephony("user", "add", "root", "--role", "admin", said=f"{PASSWORD}\n{PASSWORD}\n")
    telephony("user", "add", "boss", "--role", "tenant_admin", said=f"{PASSWORD}\n{PASSWORD}\n")
    listed = telephony("user", "list").output
    assert "root" in listed
    assert "boss" in listed
    short = telephony("user", "add", "bob", "--role", "tenant_admin", said="short\nshort\n", code=1)
    assert "password" in short.output
    assert "short\n" not in short.output.replace("short\nshort", "")
    twice = telephony("user", "add", "boss", "--role", "tenant_admin", said=f"{PASSWORD}\n{PASSWORD}\n", code=1)
    assert "taken" in twice.output


def test_with_several_tenants_one_must_be_named(telephony: Telephony) -> None:
    telephony.company()
    telephony("tenant", "add", "Globex")
    result = telephony("campaign", "list", code=2)
    assert "--tenant" in result.output
    assert telephony("campaign", "list", "--tenant", "Globex").output.splitlines()[1:] == []
    assert "no campaign 'Spring'" in telephony("campaign", "show", "Spring", "--tenant", "Globex", code=1).output


def test_the_api_description_can_be_written(telephony: Telephony) -> None:
    assert json.loads(telephony("openapi").output)["openapi"] == "3.1.0"


def test_settings_of_a_campaign_are_changed_and_wrong_ones_named(telephony: Telephony) -> None:
    telephony.company()
    told = telephony("campaign", "set", "Spring", "offer_timeout=30", "amd=inline", "max_attempts=7", "priority=80")
    assert "offer_timeout=30" in told.output
    shown = telephony("campaign", "show", "Spring").output
    for line in ("offer_timeout +30", "amd +inline", "max_attempts +7", "priority +80"):
        assert re.search(rf"^{line}$", shown, re.MULTILINE), shown
    wrong = telephony("campaign", "set", "Spring", "offer_timeout=5", "amd=maybe", "rings=3", code=1).output
    assert "settings.amd: " in wrong
    assert "settings.rings: there is none of this name" in wrong
    both = telephony("campaign", "set", "Spring", "amd=parallel", "amd_treatment=hang_up", code=1).output
    assert "amd_treatment" in both
    assert "is not SETTING=VALUE" in telephony("campaign", "set", "Spring", "amd", code=2).output
    assert "amd " in telephony("campaign", "show", "Spring").output
    assert telephony("campaign", "show", "Spring").output == shown


def test_a_campaign_gets_its_messages_from_files(telephony: Telephony, tmp_path: Path) -> None:
    telephony.company()
    (tmp_path / "notes.txt").write_text("hello")
    refused = telephony("campaign", "voicemail-message", "Spring", "notes.txt", code=1)
    assert "notes.txt: " in refused.output
    assert "FILE, or --remove" in telephony("campaign", "abandon-message", "Spring", code=2).output
    assert "has no abandon message" in telephony("campaign", "abandon-message", "Spring", "--remove").output
    assert not list((tmp_path / "data" / "audio" / "messages").iterdir())


def test_why_a_campaign_does_not_dial(telephony: Telephony, monkeypatch: pytest.MonkeyPatch) -> None:
    telephony.company()
    monkeypatch.setenv("TELEPHONY_HTTP_PORT", "1")  # nobody answers there
    said = telephony("campaign", "why", "Spring").output
    assert "next call: not by waiting alone" in said
    for cause in ("SERVICE_DOWN", "CAMPAIGN_STOPPED", "NO_TEAM", "LIST_EMPTY"):
        assert cause in said
    assert "La campaña fue detenida" in telephony("campaign", "why", "Spring", "--language", "es").output
    telephony("campaign", "why", "Autumn", code=1)
