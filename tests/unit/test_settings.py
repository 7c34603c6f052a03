"""Settings: where each value comes from, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony.pbx.audio_folder import AudioFolder
from telephony.settings import Loaded, SettingsError, load, meanings, variable

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in [variable(known) for known in meanings()]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("TELEPHONY_CONFIG", raising=False)
    return tmp_path


def rows(loaded: Loaded) -> dict[str, tuple[str, str]]:
    return {name: (value, source) for name, value, source, _ in loaded.rows()}


def problems(config: Path | None = None) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load(config)
    return error.value.problems


def test_nothing_has_to_be_set() -> None:
    loaded = load()
    assert loaded.settings.database_url == "sqlite:///data/telephony.sqlite3"
    assert {source for _, source in rows(loaded).values()} == {"default"}
    assert all(meanings().values())


def test_the_database_file_is_in_the_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEPHONY_DATA_DIR", "/var/lib/telephony")
    assert load().settings.database_url == "sqlite:////var/lib/telephony/telephony.sqlite3"


def test_the_folder_shared_with_asterisk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().settings.audio_dir == Path("data/audio")
    monkeypatch.setenv("TELEPHONY_DATA_DIR", "/var/lib/telephony")
    same = AudioFolder.of(load().settings)
    assert same.for_pbx(same.messages / "hello") == "/var/lib/telephony/audio/messages/hello"
    monkeypatch.setenv("TELEPHONY_AUDIO_DIR", "/mnt/pbx")
    monkeypatch.setenv("TELEPHONY_PBX_AUDIO_DIR", "/srv/audio")
    other = AudioFolder.of(load().settings)
    assert other.recordings == Path("/mnt/pbx/recordings")
    assert other.for_pbx(other.recordings / "call") == "/srv/audio/recordings/call"


def test_the_environment_wins_over_the_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "telephony.toml").write_text('[ami]\nhost = "pbx"\nport = 5039\n[log]\nlevel = "debug"\n')
    monkeypatch.setenv("TELEPHONY_AMI_PORT", "5040")
    monkeypatch.setenv("TELEPHONY_HTTP_ALLOWED_ORIGINS", "https://a.example, https://b.example:8443/")
    loaded = load()
    assert (loaded.settings.ami.host, loaded.settings.ami.port) == ("pbx", 5040)
    assert loaded.settings.http.allowed_origins == ("https://a.example", "https://b.example:8443")
    told = rows(loaded)
    assert told["ami.host"] == ("pbx", "telephony.toml")
    assert told["ami.port"] == ("5040", "environment TELEPHONY_AMI_PORT")
    assert told["log.level"] == ("debug", "telephony.toml")


def test_another_file_is_named_by_option_or_variable(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = elsewhere / "one.toml", elsewhere / "other.toml"
    one.write_text("[http]\nport = 1001\n")
    other.write_text("[http]\nport = 1002\n")
    monkeypatch.setenv("TELEPHONY_CONFIG", str(one))
    assert load().settings.http.port == 1001
    assert load(other).settings.http.port == 1002


def test_secrets_come_from_files_and_are_never_shown(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = elsewhere / "secret"
    secret.write_text("hunter2\n")
    monkeypatch.setenv("TELEPHONY_AMI_SECRET_FILE", str(secret))
    monkeypatch.setenv("TELEPHONY_DATABASE_URL", "postgresql://dialer:s3cr%40t@db/dialer")
    loaded = load()
    assert loaded.settings.ami.secret.get_secret_value() == "hunter2"
    told = rows(loaded)
    assert told["ami.secret"] == ("(hidden)", f"file {secret}")
    assert told["database_url"][0] == "postgresql://dialer:***@db/dialer"
    assert "hunter2" not in repr(loaded)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HTTP_PORT", "seventy", ["http.port", "TELEPHONY_HTTP_PORT", "'seventy'", "1-65535"]),
        ("HTTP_PORT", "70000", ["http.port", "70000", "1-65535"]),
        ("DATABASE_URL", "mysql://root:pw@db/x", ["database_url", "sqlite:///FILE", "postgresql://"]),
        ("DATABASE_URL", "postgresql://me:pw@db:port/x", ["database_url", "password's @"]),
        ("DATABASE_URL", "postgresql://me:p@pw@db/x", ["database_url", "%40"]),
        ("DATABASE_URL", "postgresql://me:pw/d@db/x", ["database_url", "%2F"]),
        ("DATABASE_URL", "postgresql://me:[pw@db/x", ["database_url", "%5B"]),
        ("HTTP_PUBLIC_URL", "dial.example.com", ["http.public_url", "https://dial.example.com"]),
        ("HTTP_ALLOWED_ORIGINS", "https://ok.example,*", ["http.allowed_origins", "web address"]),
        ("PBX_AUDIO_DIR", "audio", ["pbx_audio_dir", "absolute path"]),
        ("FASTAGI_ADVERTISE", "dialer", ["fastagi.advertise", "host:port"]),
        ("LOG_LEVEL", "loud", ["log.level", "debug, info, warning or error"]),
        ("SESSION_HOURS", "0", ["session.hours", "up to 720"]),
        ("HTPP_PORT", "1", ["TELEPHONY_HTPP_PORT", "did you mean TELEPHONY_HTTP_PORT"]),
        ("HTTP", "1", ["TELEPHONY_HTTP", "no such setting"]),
    ],
)
def test_a_wrong_value_is_one_line_with_name_and_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: list[str]
) -> None:
    monkeypatch.setenv(f"TELEPHONY_{name}", value)
    (problem,) = problems()
    assert "\n" not in problem
    assert "pw" not in problem
    for word in words:
        assert word in problem


def test_the_demos_variables_are_nobodys_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEPHONY_PBX", "folder")
    monkeypatch.setenv("TELEPHONY_PORTS", "23000-23999")
    assert load().settings.http.port == 8080


def test_all_problems_come_at_once(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = elsewhere / "bad.toml"
    file.write_text('data_dri = "x"\nhttp = 3\n[ami]\nport = 0\nsecret = 5\nuser = "x"\n')
    monkeypatch.setenv("TELEPHONY_LOG_LEVEL", "loud")
    found = "\n".join(problems(file))
    for word in ("data_dri", "did you mean data_dir", "[http]", "ami.port", "ami.secret", "ami.user", "log.level"):
        assert word in found
    assert len(found.splitlines()) == 6


@pytest.mark.parametrize("content", [b"port = = 3", b"\xff\xfe"])
def test_a_file_that_is_no_toml(elsewhere: Path, content: bytes) -> None:
    file = elsewhere / "bad.toml"
    file.write_bytes(content)
    (problem,) = problems(file)
    assert "bad.toml" in problem
    assert "TOML" in problem


def test_a_file_that_is_not_there(elsewhere: Path) -> None:
    (problem,) = problems(elsewhere / "none.toml")
    assert "none.toml" in problem


def test_a_secret_given_twice_or_not_readable(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEPHONY_AMI_SECRET", "a")
    monkeypatch.setenv("TELEPHONY_AMI_SECRET_FILE", "b")
    monkeypatch.setenv("TELEPHONY_DATABASE_URL_FILE", str(elsewhere / "none"))
    both, missing = sorted(problems())
    assert "TELEPHONY_AMI_SECRET_FILE" in both
    assert "TELEPHONY_DATABASE_URL_FILE" in missing
