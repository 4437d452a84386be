"""Lets the workers of a cluster compute a translation's windows."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from geosar.errors import EngineError
from geosar.translation.job import Job, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

    from geosar.cluster import RemoteTranslator


@contextmanager
def remote_translator(
    job: Job, cluster: "str | Client", source: Source, opening: dict[str, Any], threads: int | None
) -> "Iterator[RemoteTranslator]":
    """Return what computes the windows of a job on a cluster, connected until this context is left.

    `opening` holds the keyword arguments with which `open_scene` opened `source`. Raises EngineError where Dask is not
    installed, no scheduler answers, or the cluster has no workers.
    """
    try:
        from geosar.cluster import Recipe, RemoteTranslator, connected, flat  # noqa: PLC0415 - needs an extra
    except ImportError as error:
        raise EngineError(
            "a cluster needs Dask, which is not installed. Run: pip install 'geosar[cluster]'."
        ) from error
    recipe = Recipe(
        source=flat(source),
        opening=tuple(opening.items()),
        polarisations=job.scene.polarisations,
        fingerprint=job.scene.fingerprint,
        model=str(job.model.folder),
        checksum=job.model.checksum,
        device=job.engine.device,
        precision=job.engine.precision,
        threads=threads,
        engine=job.engine.name,
        despeckled=job.despeckles,
    )
    with connected(cluster) as client:
        yield RemoteTranslator(client, recipe, job.check)
