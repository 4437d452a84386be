"""Files elsewhere, for tests: an https server that answers ranges and can break off, and a store of objects (S3)."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import botocore.session
import trustme
from moto.server import ThreadedMotoServer

S3_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_HTTPS": "NO",
    "AWS_VIRTUAL_HOSTING": "FALSE",
}
"""What GDAL and botocore are told in the environment, beside AWS_S3_ENDPOINT."""


class HttpsFiles:
    """An https server on loopback: `url`, and `authority`, the file with the certificate that makes it trusted.

    `contents` are files by path. An answer breaks off after `most` bytes; `asked` are the ranges that were asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.contents: dict[str, bytes] = {}
        self.most: int | None = None
        self.etag: str | None = '"one"'
        self.asked: list[str | None] = []
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["HttpsFiles"]:
        """Answer until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _handler(files: HttpsFiles) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.contents.get(self.path)
            if content is None:
                self.send_error(404)
                return
            total, span = len(content), self.headers.get("Range")
            files.asked.append(span)
            if span and self.headers.get("If-Range", files.etag) == files.etag:
                first, _, last = span.removeprefix("bytes=").partition("-")
                content = content[int(first) : int(last or total - 1) + 1]
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{int(first) + len(content) - 1}/{total}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            if files.etag:
                self.send_header("ETag", files.etag)
            self.end_headers()
            self.wfile.write(content[: files.most])

        def do_HEAD(self) -> None:
            self.send_response(200 if self.path in files.contents else 404)
            self.send_header("Content-Length", str(len(files.contents.get(self.path, b""))))
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def object_store(**objects: Path) -> Iterator[str]:
    """Run an S3 with files as objects in the bucket `scenes`, named by their keys; host and port of it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        client_options = {"endpoint_url": f"http://{host}:{port}", "region_name": "us-east-1"}
        keys = {"aws_access_key_id": "somebody", "aws_secret_access_key": "secret"}
        client = botocore.session.get_session().create_client("s3", **client_options, **keys)
        client.create_bucket(Bucket="scenes")
        for key, path in objects.items():
            client.put_object(Bucket="scenes", Key=f"{key}.tif", Body=path.read_bytes())
        yield f"{host}:{port}"
    finally:
        server.stop()
