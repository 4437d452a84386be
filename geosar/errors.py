"""Every error that geosar raises on purpose: one root, and a small subclass for each thing that goes wrong.

Each subclass also inherits the builtin that it refines, so that ``except FileNotFoundError`` works as it
would for any other library. A message says what was found, what was expected and what to do; of a URL it shows what is
no secret.
"""

import re
from urllib.parse import urlsplit

_URL = re.compile(r"(?:/vsi\w+/)?([a-z][a-z0-9+.-]*://[^\s'\"<>]+)", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """Return a URL without user, password, query and fragment; what is no URL as it is."""
    if not _URL.fullmatch(text):
        return text
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def scrubbed(text: str) -> str:
    """Return a text in which every URL is without secrets."""
    return _URL.sub(lambda match: without_secrets(match.group(1)), text)


class GeosarError(Exception):
    """Root of all errors that geosar raises on purpose."""


class SceneNotFoundError(GeosarError, FileNotFoundError):
    """The source raster does not exist."""

    def __str__(self) -> str:
        """Return the message as it was written; OSError would format it as an errno pair."""
        return " ".join(str(part) for part in self.args)


class SceneReadError(GeosarError, OSError):
    """The source is not a raster, is truncated or damaged, or did not answer in time."""


class SceneContentError(GeosarError, ValueError):
    """The source is a raster, but none that can be translated: no bands, a photograph, complex, or empty."""


class UnlikeSarError(SceneContentError):
    """The source looks like something else: a photograph, elevation, phase; `force` takes it all the same."""


class BlockSizeError(SceneContentError):
    """The source is stored in blocks that are too large to be decoded here."""


class SceneChangedError(GeosarError, OSError):
    """The source changed while it was being read."""


class UnitError(GeosarError, ValueError):
    """The unit of the backscatter is unknown or impossible."""


class PolarisationError(GeosarError, ValueError):
    """A polarisation was asked for that the scene does not have."""


class GridMismatchError(GeosarError, ValueError):
    """Rasters that should lie on one grid do not."""


class BoundsError(GeosarError, ValueError):
    """The bounds are malformed or miss the scene."""


class ModelNotFoundError(GeosarError, LookupError):
    """No model has that name or stands at that place."""


class ModelFormatError(GeosarError, ValueError):
    """The model is not in the packaged form: a wrong or pickled file, or an invalid manifest."""


class ModelChecksumError(GeosarError, ValueError):
    """A file of the model is not the one that its manifest describes."""


class EngineError(GeosarError, RuntimeError):
    """The network could not be run on the device that was asked for."""


class TargetError(GeosarError, OSError):
    """The output cannot be written: no permission, a full disk, or a target equal to the source."""


class TargetExistsError(TargetError, FileExistsError):
    """The output exists already and may not be replaced unasked."""


class ResumeError(GeosarError, ValueError):
    """The unfinished output belongs to another job, so it cannot be continued."""


class TranslationCancelled(GeosarError):  # noqa: N818 - it is no failure
    """The caller asked the translation to stop."""


class UsageError(GeosarError, ValueError):
    """The arguments contradict each other or make no sense."""
