"""The command behind ``geosar serve``."""

import hashlib
import ipaddress
import logging
import multiprocessing
import os
import secrets
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import click
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from geosar_tiler import gdal, logs
from geosar_tiler.settings import Settings
from geosar_tiler.state.database import Database
from geosar_tiler.state.store import Store

GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 65
"""More than the minute after which proxies and browsers give up an idle connection by themselves."""


@click.command("serve", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--store", type=click.Path(path_type=Path), help="Folder for scenes, results and the database.")
@click.option("--model", help="Model that translates where a request names none.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that answer.")
@click.option("--open", "unprotected", is_flag=True, help="Listen beyond loopback without any API key.")
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
    given = {"store": store, "model": model, "log_level": log_level, "log_format": log_format}
    # Options become settings of the environment, where every process of the service finds them.
    os.environ.update({f"GEOSAR_{name.upper()}": str(value) for name, value in given.items() if value is not None})
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
    click.echo(f"geosar serves {settings.store} at http://{host}:{port}/ (documentation at /docs); Ctrl-C stops it.")
    options: dict[str, Any] = {
        "host": host, "port": port, "log_config": None, "access_log": False, "proxy_headers": False,
        "server_header": False, "timeout_graceful_shutdown": GRACE_SECONDS, "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "limit_concurrency": settings.connections, "http": "geosar_tiler.connections:Connection",
    }  # fmt: skip
    if workers == 1:
        uvicorn.run(make(), **options)
        return 0
    # Each process counts into files of this folder, and each can tell the sum.
    with tempfile.TemporaryDirectory(prefix="geosar-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        logs.configure(settings.log_format, settings.log_level)
        uvicorn.run("geosar_tiler.cli:make", factory=True, workers=workers, **options)
    return 0


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
