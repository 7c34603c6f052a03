"""The service's settings: one TOML file, then the environment, then secrets in files of their own.

`telephony.toml` in the working directory, or the file named by `--config` or TELEPHONY_CONFIG. The setting `ami.host`
is the key `host` of the table `[ami]` there and TELEPHONY_AMI_HOST in the environment, which wins. A secret may
also stand in a file: TELEPHONY_AMI_SECRET_FILE names it, as Docker and systemd hand secrets over.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "TELEPHONY_"
CONFIG_VARIABLE = "TELEPHONY_CONFIG"
OTHERS = frozenset({"TELEPHONY_PBX", "TELEPHONY_CACHE", "TELEPHONY_PORTS", "TELEPHONY_NETWORK", "TELEPHONY_HTTP_BIND"})
"""Variables of the demo, the tests and compose, which the service's process may inherit."""

DEFAULT_FILE = Path("telephony.toml")

Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Http(Group):
    host: Text = Field(default="127.0.0.1", description="address the web server listens on; 0.0.0.0 for all")
    port: Port = Field(default=8080, description="port of the web server, 1-65535")
    public_url: str = Field(default="", description="how browsers reach the service, e.g. https://dial.example.com")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="further origins whose pages may act with the session cookie, separated by commas"
    )
    cookie_secure: bool | None = Field(
        default=None, description="session cookie over HTTPS only, true or false; not set: by the scheme of public_url"
    )
    proxies: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0, description="reverse proxies in front, 0-5: so many last entries of X-Forwarded-For are believed"
    )

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(origin_of(one) for one in value)

    @field_validator("public_url")
    @classmethod
    def _url(cls, value: str) -> str:
        if value:
            origin_of(value)
        return value.rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether the session cookie is marked Secure."""
        return self.public_url.startswith("https:") if self.cookie_secure is None else self.cookie_secure


class Ami(Group):
    host: Text = Field(default="127.0.0.1", description="address of Asterisk's manager interface")
    port: Port = Field(default=5038, description="port of Asterisk's manager interface, 1-65535")
    username: Text = Field(default="telephony", description="manager user, as in Asterisk's manager.conf")
    secret: SecretStr = Field(default=SecretStr(""), description="that user's secret")


class Reached(Group):
    """A server of the service that Asterisk connects to."""

    host: Text
    port: Port
    advertise: str

    @property
    def address(self) -> str:
        """host:port as Asterisk is told."""
        return self.advertise or f"{self.host}:{self.port}"

    @field_validator("advertise")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9.\-\[\]:]+:[0-9]{1,5}", value):
            raise ValueError("is not host:port, e.g. dialer:4573")
        return value


class FastAgi(Reached):
    host: Text = Field(default="127.0.0.1", description="address the FastAGI server listens on")
    port: Port = Field(default=4573, description="port of the FastAGI server, 1-65535")
    advertise: str = Field(default="", description="host:port at which Asterisk reaches it; empty: host and port above")


class Ears(Reached):
    host: Text = Field(default="127.0.0.1", description="address where the ears take the sound of calls (AudioSocket)")
    port: Port = Field(default=4574, description="port of the ears, 1-65535")
    advertise: str = Field(default="", description="host:port at which Asterisk reaches it; empty: host and port above")


class Phones(Group):
    host: Text = Field(default="127.0.0.1", description="address of Asterisk's HTTP server, for phones in the browser")
    port: Port = Field(default=8088, description="port of Asterisk's HTTP server, 1-65535")
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="what their passwords are made from: dialplan/render's PD_WEB_SECRET; empty: none in browsers",
    )


class Cell(Group):
    name: Text = Field(default="cell-1", description="name of this cell: one Asterisk and this service")
    data_center: Text = Field(default="main", description="name of the data center the cell stands in")
    url: str = Field(
        default="",
        description="where the other cells reach this one's API, e.g. http://10.0.0.5:8080, to hand on what its agents "
        "ask there; empty: a single cell",
    )
    max_channels: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=200, description="channels up at once on its Asterisk; for a cell the database does not know yet"
    )
    max_calls: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=100, description="calls at once in the data center; for a data center the database does not know yet"
    )

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        if value:
            origin_of(value)
        return value.rstrip("/")


class Session(Group):
    hours: Annotated[float, Field(gt=0, le=720)] = Field(
        default=12, description="how long a sign-in lasts, in hours, up to 720"
    )


class Log(Group):
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least serious message written: debug, info, warning or error"
    )
    json_lines: bool = Field(default=False, description="one JSON object per line instead of text, true or false")


def _own_file(data: dict[str, Any]) -> str:
    return f"sqlite:///{data['data_dir'] / 'telephony.sqlite3'}"


def _own_folder(data: dict[str, Any]) -> Path:
    return Path(data["data_dir"] / "audio")


class Settings(BaseSettings):
    """Every setting with its default; made from outside only by `load`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_max_split=1)

    data_dir: Path = Field(default=Path("data"), description="folder for the database file")
    database_url: str = Field(
        default_factory=_own_file,
        description="sqlite:///FILE or postgresql://user:password@host/name; not set: telephony.sqlite3 in data_dir",
    )
    audio_dir: Path = Field(
        default_factory=_own_folder,
        description="folder shared with Asterisk, for recordings and messages; not set: audio in data_dir",
    )
    pbx_audio_dir: Path | None = Field(
        default=None, description="audio_dir as Asterisk knows it, an absolute path; not set: the same path"
    )
    recording_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=0, description="days after which recordings are removed, 0-36500; 0: never"
    )
    http: Http = Http()
    ami: Ami = Ami()
    fastagi: FastAgi = FastAgi()
    ears: Ears = Ears()
    phones: Phones = Phones()
    cell: Cell = Cell()
    session: Session = Session()
    log: Log = Log()

    @field_validator("pbx_audio_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_absolute():
            raise ValueError("is not an absolute path")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://")):
            raise ValueError("is neither sqlite:///FILE nor postgresql://...")
        if value.startswith("postgresql://") and not _readable(value):
            raise ValueError("cannot be read; a password's @ : / ? # [ ] are written %40 %3A %2F %3F %23 %5B %5D")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `load` reads the outside itself, to be able to say where each value came from
        return (init_settings,)


SECRETS = ("database_url", "ami.secret", "phones.secret")
"""Settings that may stand in a file named by their variable with _FILE, and are never shown."""


class SettingsError(Exception):
    """The settings cannot be used; `problems` has one sentence for each setting, with its remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The settings, and for each that was given where it came from."""

    settings: Settings
    sources: Mapping[str, str]

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """(name, value, source, meaning) of every setting; secrets hidden."""
        for name, meaning in meanings().items():
            yield name, shown(name, _at(self.settings, name)), self.sources.get(name, "default"), meaning


def load(config: Path | None = None) -> Loaded:
    """Settings from the file, the environment and secret files; raises `SettingsError` with every problem found."""
    problems = _unknown_variables()
    path = config or (Path(named) if (named := os.environ.get(CONFIG_VARIABLE)) else None)
    if path is None and DEFAULT_FILE.is_file():
        path = DEFAULT_FILE
    file_values: dict[str, Any] = {}
    if path is not None:
        try:
            file_values = TomlConfigSettingsSource(Settings, toml_file=path)() if path.is_file() else {}
            if not path.is_file():
                problems.append(f"{path}: there is no such file; name an existing one or leave --config out")
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problems.append(f"{path}: is not valid TOML ({error}); mend that line")
        except OSError as error:
            problems.append(f"{path}: cannot be read ({error.strerror}); let the service's user read it")
    environment = EnvSettingsSource(Settings, env_nested_delimiter="_")()
    secrets, secret_sources = _secret_files(problems)
    known = meanings()
    sources: dict[str, str] = {}
    values: dict[str, Any] = {}
    for given, where in ((file_values, str(path)), (environment, ""), (secrets, "")):
        for name, value in _flat(given):
            if where or name in known:  # an unknown variable was named above
                _put(values, name, value)
            sources[name] = where or secret_sources.get(name) or f"environment {variable(name)}"
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems += [
            _explained(one, sources, str(path))
            for one in error.errors(include_url=False)
            if one["type"] != "default_factory_not_called"
        ]
    if problems:
        raise SettingsError(problems)
    return Loaded(settings=settings, sources=sources)


def variable(name: str) -> str:
    """The environment variable of a setting: `ami.host` is TELEPHONY_AMI_HOST."""
    return PREFIX + name.replace(".", "_").upper()


def meanings() -> dict[str, str]:
    """Every setting's name with its meaning, in order."""
    found: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            for inner, inner_field in field.annotation.model_fields.items():
                found[f"{name}.{inner}"] = inner_field.description or ""
        else:
            found[name] = field.description or ""
    return found


def shown(name: str, value: object) -> str:
    """A value as people may see it: secrets hidden, also a password inside the database's address."""
    if isinstance(value, SecretStr):
        return "(hidden)" if value.get_secret_value() else "(not set)"
    if name == "database_url":
        return re.sub(r"://([^:/@]*):.*@", r"://\1:***@", str(value))
    if isinstance(value, tuple):
        value = ", ".join(value)
    return "(not set)" if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)


def _readable(url: str) -> bool:
    """Whether the parts of an address can be told apart."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number; its text may be of a password
    except ValueError:
        return False
    return parts.netloc.count("@") <= 1


def origin_of(url: str) -> str:
    """The origin of a web address, `https://host[:port]`; raises ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("is not a web address such as https://dial.example.com")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _unknown_variables() -> list[str]:
    known = {variable(name) for name in meanings()} | {variable(name) + "_FILE" for name in SECRETS}
    known.add(CONFIG_VARIABLE)
    return [
        f"{name} (environment): there is no such setting{_nearest(name, known)}; correct or unset it"
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known | OTHERS
    ]


def _secret_files(problems: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name in SECRETS:
        key = variable(name) + "_FILE"
        path = os.environ.get(key)
        if not path:
            continue
        if os.environ.get(variable(name)):
            problems.append(f"{name}: both {variable(name)} and {key} are set; unset one of them")
            continue
        try:
            _put(values, name, Path(path).read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not text"
            problems.append(f"{name}: {key} names {path}, which cannot be read ({reason}); give a readable file")
        sources[name] = f"file {path}"
    return values, sources


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and not prefix:
            yield from _flat(value, f"{key}.")
        else:
            yield f"{prefix}{key}", value


def _put(values: dict[str, Any], name: str, value: object) -> None:
    group, _, key = name.rpartition(".")
    (values.setdefault(group, {}) if group else values)[key] = value


def _at(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _nearest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _explained(error: ErrorDetails, sources: Mapping[str, str], path: str) -> str:
    name = ".".join(str(part) for part in error["loc"][:2])
    known = meanings()
    if error["type"] == "extra_forbidden":
        return f"{name} ({path}): there is no such setting{_nearest(name, set(known))}; correct or delete it"
    where = sources.get(name, "")
    if name not in known:  # a table where a value belongs, or the other way round
        return f"{name}: {error['msg']}; write its settings as keys of the table [{name}]"
    text = error["msg"].removeprefix("Value error, ")
    text = text[0].lower() + text[1:]
    value = "" if name in SECRETS else f" {error['input']!r}:"
    return f"{name} ({where}):{value} {text}; wanted: {known[name]}"
