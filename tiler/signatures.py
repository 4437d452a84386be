"""Signatures: they open one scene's layers, or one job's results and their layers, for reading and a limited time."""

import hashlib
import hmac
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from starlette.requests import Request

from geosar_tiler.settings import Settings

MARGIN_SECONDS = 300
"""Signatures made within so many seconds are the same, so that browsers can cache what they open."""


class Signer:
    """Signs names of scenes and jobs with a secret that all processes of the service share."""

    def __init__(self, settings: Settings, store: Path) -> None:
        self._secret = settings.secret.get_secret_value().encode() if settings.secret else _kept(store / "secret")
        self._seconds = settings.signature_seconds

    def query(self, subject: str) -> dict[str, str]:
        """Return the query parameters that open a subject, such as ``scenes/abc``."""
        expires = int(time.time() + self._seconds) // MARGIN_SECONDS * MARGIN_SECONDS + MARGIN_SECONDS
        return {"expires": str(expires), "signature": self._sign(subject, str(expires))}

    def opens(self, subject: str, expires: str, signature: str) -> bool:
        """Whether a signature is ours and has not expired."""
        # Superscripts are digits to isdigit, and no number to int.
        if not expires.isdecimal() or len(expires) > 12 or int(expires) < time.time():
            return False
        return hmac.compare_digest(self._sign(subject, expires).encode(), signature.encode("utf-8", "replace"))

    def _sign(self, subject: str, expires: str) -> str:
        return hmac.new(self._secret, f"{subject}|{expires}".encode(), hashlib.sha256).hexdigest()


def signature_of(request: Request, subject: str) -> dict[str, str]:
    """Return the query that opens a subject, empty where no key is needed.

    What a signature opened is answered with that very signature: it makes no fresh ones, and none for more than it
    opens itself.
    """
    signer: Signer | None = request.app.state.services.signer
    signature: dict[str, str] | None = getattr(request.state, "signature", None)
    if signer is None or signature is not None:
        return signature or {}
    return signer.query(subject)


def _kept(path: Path) -> bytes:
    """Return the secret of the store; of processes that ask at once for the first time, one makes it for all."""
    if not path.exists():
        part = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        with suppress(FileExistsError):
            os.link(part, path)  # whole or not at all, and never over another's
        part.unlink()
    return path.read_bytes()
