"""A file of the store as an answer."""

from pathlib import Path

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from tiler.errors import NotFoundError


class StoredFile(FileResponse):
    """Starlette's answer, for files that may be removed at any moment: 404 where it would fail."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; raises NotFoundError when it is gone."""
        try:
            await super().__call__(scope, receive, send)
        except (RuntimeError, FileNotFoundError) as error:
            if isinstance(error, RuntimeError) and "does not exist" not in str(error):
                raise
            raise NotFoundError(f"the file {Path(self.path).name} was removed.") from None
