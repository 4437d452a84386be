"""A file of the store as an answer."""

import os

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from geosar_tiler.errors import NotFoundError


class StoredFile(FileResponse):
    """Starlette's answer, for files that may be removed at any moment: whole once it has begun, 404 before that."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; raises NotFoundError when it is gone."""
        try:
            descriptor = await run_in_threadpool(os.open, self.path, os.O_RDONLY)
        except FileNotFoundError:
            raise NotFoundError(f"the file {os.path.basename(self.path)} was removed.") from None  # noqa: PTH119 - no I/O
        try:
            # Held open, the file is there to the end, whoever removes its name meanwhile.
            self.path = f"/dev/fd/{descriptor}"
            self.stat_result = os.fstat(descriptor)
            self.set_stat_headers(self.stat_result)
            await super().__call__(scope, receive, send)
        finally:
            os.close(descriptor)
