"""The built book, for the tests that look at its pages.

`make test` builds it first; a single test run by hand builds what is missing.
"""

import functools
import gzip
import http.server
import subprocess
import threading
from contextlib import contextmanager

import notebooks

HTML = notebooks.ROOT / "_build" / "html"


def names():
    """Return the addresses of all pages, relative to the book's first one."""
    if not (HTML / "index.html").exists():
        subprocess.run(["make", "book"], cwd=notebooks.ROOT, check=True)
    found = (path.relative_to(HTML) for path in HTML.rglob("*.html"))
    return sorted(path.as_posix() for path in found if path.parts[0] != "_downloads")


class Gzipping(http.server.SimpleHTTPRequestHandler):
    """Serves text compressed, as static hosts do, and says nothing."""

    TEXT = (".html", ".css", ".js", ".svg", ".json", ".ipynb", ".txt", ".xml")

    def do_GET(self):
        path = self.translate_path(self.path)
        if not path.endswith(self.TEXT) or not HTML.joinpath(path).is_file():
            super().do_GET()
            return
        with open(path, "rb") as file:
            body = gzip.compress(file.read())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def served():
    """Serve the built book on localhost; yield its address, with a last slash."""
    handler = functools.partial(Gzipping, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
