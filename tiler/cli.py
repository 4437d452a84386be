"""The command behind ``geosar serve``."""

import contextlib
import errno
import hashlib
import ipaddress
import logging
import multiprocessing
import os
import secrets
import signal
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

import click
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from uvicorn.supervisors import Multiprocess

from geosar_tiler import gdal, logs
from geosar_tiler.settings import Settings
from geosar_tiler.state.database import Database
from geosar_tiler.state.store import Store

GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 65
"""More than the minute after which proxies and browsers give up an idle connection by themselves."""


@click.command("serve", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--store", type=click.Path(path_type=Path), help="Folder for scenes, results and the database.")
@click.option("--model", help="Model that translates where a request names none.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that answer.")
@click.option("--open", "unprotected", is_flag=True, help="Listen beyond loopback without any API key.")
@click.option("--until-eof", is_flag=True, help="End with the program that started it: when standard input is closed.")
@click.option("--new-key", type=click.Choice(("read", "write", "admin")), help="Make an API key, print it, and end.")
@click.option("--log-level", type=click.Choice(("debug", "info", "warning", "error")))
@click.option("--log-format", type=click.Choice(("text", "json")), help="Default: text in a terminal, else json.")
def command(
    host: str,
    port: int,
    *,
    store: Path | None,
    model: str | None,
    workers: int,
    unprotected: bool,
    until_eof: bool,
    new_key: str | None,
    log_level: str | None,
    log_format: str | None,
) -> int:
    """Serve scenes, translation jobs and map tiles over HTTP.

    Every further setting is an environment variable GEOSAR_..., see docs/service.md.
    """
    if new_key is not None:
        key = secrets.token_urlsafe(32)
        click.echo(f"key (keep it, it is not stored): {key}")
        click.echo(f"for GEOSAR_API_KEYS:              {new_key}:{hashlib.sha256(key.encode()).hexdigest()}")
        return 0
    service_options = {"store": store, "model": model, "log_level": log_level, "log_format": log_format}
    # Options become settings of the environment, where every process of the service finds them.
    os.environ.update(
        {f"GEOSAR_{name.upper()}": str(value) for name, value in service_options.items() if value is not None}
    )
    try:
        settings = Settings()
    except ValidationError as error:
        faults = "; ".join(f"GEOSAR_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        raise click.UsageError(f"a setting is not valid: {faults}") from error
    if not _is_loopback(host) and not settings.api_keys and not unprotected:
        raise click.UsageError(
            f"{host} can be reached from other machines, and no API key is set. Make one with --new-key admin and put "
            "it into GEOSAR_API_KEYS, or say --open if everybody there may use the service.",
        )
    gdal.configure(settings.gdal)
    _prepare(settings)
    sockets = _bound(host, port)
    where = f"http://{f'[{host}]' if ':' in host else host}:{sockets[0].getsockname()[1]}/"
    greeting = f"geosar serves {settings.store} at {where} (documentation at /docs); Ctrl-C stops it."
    if until_eof:
        threading.Thread(target=_end_with_input, name="tiler-input", daemon=True).start()
    options: dict[str, Any] = {
        "log_config": None, "access_log": False, "proxy_headers": False,
        "server_header": False, "timeout_graceful_shutdown": GRACE_SECONDS, "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "limit_concurrency": settings.connections, "http": "geosar_tiler.connections:Connection",
    }  # fmt: skip
    if workers == 1:
        server = _Server(uvicorn.Config(make(), **options), greeting)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=sockets)
        return 0 if server.started else 1
    click.echo(greeting)
    # Each process counts into files of this folder, and each can tell the sum.
    with tempfile.TemporaryDirectory(prefix="geosar-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        logs.configure(settings.log_format, settings.log_level)
        config = uvicorn.Config("geosar_tiler.cli:make", factory=True, workers=workers, **options)
        Multiprocess(config, sockets=sockets).run()
    return 0


class _Server(uvicorn.Server):
    """Says where it listens, once it does."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            click.echo(self._greeting)


def _bound(host: str, port: int) -> list[socket.socket]:
    """Take the port, on all addresses of a name, before anything is loaded; raises UsageError."""
    sockets: list[socket.socket] = []
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, address in dict.fromkeys((family, address[0]) for family, *_, address in places):
            number = sockets[0].getsockname()[1] if sockets else port
            sockets.append(socket.socket(family))
            if os.name == "posix":
                sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sockets[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sockets[-1].bind((str(address), number))
    except OSError as error:
        remedy = " Choose another --port, or 0 for a free one." if error.errno == errno.EADDRINUSE else ""
        raise click.UsageError(f"{host}:{port} cannot be listened on: {error.strerror}.{remedy}") from error
    for one in sockets:
        one.set_inheritable(True)
    return sockets


def _prepare(settings: Settings) -> None:
    """Make store and tables before several processes ask for them at once; raises UsageError where that fails.

    It also looks at the elevation model, if there is one.
    """
    from geosar_tiler.state.terrain import Terrain  # noqa: PLC0415 - GDAL must be configured before it is loaded

    Terrain(settings)
    try:
        Store(settings.store)
        Database(settings.database).close()
    except OSError as error:
        why = error.strerror or error
        raise click.UsageError(f"the store {settings.store} cannot be written to: {why}.") from error
    except (SQLAlchemyError, ImportError) as error:
        reason = logs.without_secrets(str(error).splitlines()[0])
        raise click.UsageError(f"the database of GEOSAR_DATABASE_URL cannot be opened: {reason}.") from error


def make() -> FastAPI:
    """Make the application in one process of the service, with the settings of the environment."""
    settings = Settings()
    gdal.configure(settings.gdal)
    logs.configure(settings.log_format, settings.log_level)
    logging.getLogger("uvicorn").setLevel("WARNING")
    _end_with_the_supervisor()
    from geosar_tiler.app import create_app  # noqa: PLC0415 - GDAL must be configured before it is loaded

    return create_app(settings)


def _end_with_the_supervisor() -> None:
    """Stop as gracefully as by SIGTERM when the process that started this one has died; else it would hold the port."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return

    def watch() -> None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="tiler-supervisor", daemon=True).start()


def _end_with_input() -> None:
    """Stop as gracefully as by SIGTERM when nobody holds the other end of standard input any more."""
    while os.read(0, 4096):  # sys.stdin's lock, held by a thread at the end, would abort the interpreter
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
