"""Serves a folder on loopback, with ranges: `python range_server.py PORT FOLDER`, in a process of its own.

GDAL may hold Python up while it asks, so that a server in the same process would never answer.
"""

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = Path(sys.argv[2], self.path.lstrip("/"))
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        match = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(match[1]), min(int(match[2]), len(content) - 1)) if match else (0, len(content) - 1)
        self.send_response(206 if match else 200)
        self.send_header("Content-Length", str(last - first + 1))
        if match:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[first : last + 1])

    do_HEAD = do_GET  # noqa: N815 - the server's own name


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
