"""A PostgreSQL of our own for one test run: made in a temporary folder, without fsync, gone at the end."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from telephony.demo.host import cache_folder

START_LIMIT = 60.0
"""Seconds for the server to answer; a loaded machine with a cold disk took 9."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A running server; databases are made and dropped by name."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        self._statement(f'CREATE DATABASE "{database}" TEMPLATE template0')
        return self.url(database)

    def drop(self, database: str) -> None:
        self._statement(f'DROP DATABASE "{database}" WITH (FORCE)')

    def _statement(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(statement)


def binaries() -> Path:
    """The folder with `initdb` and `postgres`; installs Debian's package when there is none and we are root."""
    found = _installed()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        with (cache_folder() / "packages.lock").open("w") as lock:  # the launcher's: one apt at a time
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = _installed()
            if found is None:
                _install()
                found = _installed()
    if found is None:
        raise RuntimeError("these tests need PostgreSQL: install it (Debian: apt-get install postgresql)")
    return found


def _install() -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-qy", "--no-install-recommends", "postgresql"]):
        subprocess.run(["apt-get", *command], env=environment, check=True, stdout=subprocess.DEVNULL)


def _installed() -> Path | None:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def running() -> Iterator[Postgres]:
    """A server from start to end of the block; as root it runs as the user `postgres`, which it insists on."""
    where = binaries()
    folder = Path(tempfile.mkdtemp(prefix="pd-postgres-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    data = folder / "data"
    try:
        subprocess.run(
            [where / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": "100",
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [where / "postgres", "-D", data, *arguments], user=user, cwd=folder, stdout=log, stderr=log
            )
        try:
            postgres = Postgres(port=port)
            _wait(postgres, server, folder / "log")
            yield postgres
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(postgres: Postgres, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            psycopg.connect(postgres.url("postgres"), connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}") from error
            time.sleep(0.05)
