"""The command behind ``geosar serve``."""

import hashlib
import ipaddress
import logging
import secrets
from pathlib import Path
from typing import Any

import click
import uvicorn
from pydantic import ValidationError

from tiler.gdal import configure
from tiler.settings import Settings

GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 65
"""More than the minute after which proxies and browsers give up an idle connection by themselves."""


@click.command("serve", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--store", type=click.Path(path_type=Path), help="Folder for scenes, results and the database.")
@click.option("--model", help="Model that translates where a request names none.")
@click.option("--open", "unprotected", is_flag=True, help="Listen beyond loopback without any API key.")
@click.option("--new-key", type=click.Choice(("read", "write", "admin")), help="Make an API key, print it, and end.")
@click.option("--log-level", type=click.Choice(("debug", "info", "warning", "error")), default="info")
def command(
    host: str,
    port: int,
    *,
    store: Path | None,
    model: str | None,
    unprotected: bool,
    new_key: str | None,
    log_level: str,
) -> int:
    """Serve scenes, translation jobs and map tiles over HTTP.

    Every further setting is an environment variable GEOSAR_..., see docs/service.md.
    """
    if new_key is not None:
        key = secrets.token_urlsafe(32)
        click.echo(f"key (keep it, it is not stored): {key}")
        click.echo(f"for GEOSAR_API_KEYS:              {new_key}:{hashlib.sha256(key.encode()).hexdigest()}")
        return 0
    given: dict[str, Any] = {"store": store, "model": model}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(f"GEOSAR_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        raise click.UsageError(f"a setting is not valid: {faults}") from error
    if not _is_loopback(host) and not settings.api_keys and not unprotected:
        raise click.UsageError(
            f"{host} can be reached from other machines, and no API key is set. Make one with --new-key admin and put "
            "it into GEOSAR_API_KEYS, or say --open if everybody there may use the service.",
        )
    configure(settings)
    from tiler.app import create_app  # noqa: PLC0415 - GDAL must be configured before it is loaded

    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("rasterio").setLevel("WARNING")
    logging.getLogger("titiler").setLevel("WARNING")
    click.echo(f"geosar serves {settings.store} at http://{host}:{port}/ (documentation at /docs); Ctrl-C stops it.")
    uvicorn.run(
        create_app(settings), host=host, port=port, log_level="warning", proxy_headers=False, server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS, timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )  # fmt: skip
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
