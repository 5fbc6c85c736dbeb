"""A small archive on the loopback interface that misbehaves on demand."""

import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Plan:
    """How one request is answered.

    `cut` closes the connection after so many bytes of the body; `announce` is the Content-Length to lie with.
    """

    body: bytes = b""
    status: int = 200
    etag: str = ""
    ranges: bool = True
    cut: int | None = None
    announce: int | None = None
    length: bool = True
    chunked: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    content_range: str = ""


@dataclass
class Archive:
    """Plans by path, used one after the other (the last one stays), and what was asked for."""

    url: str
    plans: dict[str, list[Plan]] = field(default_factory=dict)
    asked: list[tuple[str, str, Message]] = field(default_factory=list)

    def serve(self, path: str, *plans: Plan) -> str:
        self.plans[path] = list(plans)
        return self.url + path

    def ranges(self, path: str) -> list[str | None]:
        """Range header of every GET of a path."""
        return [headers.get("Range") for method, p, headers in self.asked if method == "GET" and p == path]


def _handler(archive: Archive, lock: threading.Lock) -> Callable:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def _plan(self) -> Plan:
            with lock:
                archive.asked.append((self.command, self.path, self.headers))
                plans = archive.plans.get(self.path) or [Plan(status=404)]
                return plans.pop(0) if len(plans) > 1 and self.command == "GET" else plans[0]

        def do_HEAD(self):
            plan = self._plan()
            self.send_response(plan.status)
            if plan.length:
                self.send_header("Content-Length", str(len(plan.body)))
            self.end_headers()

        def do_GET(self):
            plan = self._plan()
            body, status, start = plan.body, plan.status, 0
            wanted = self.headers.get("Range")
            same = self.headers.get("If-Range") in (None, plan.etag)
            if wanted and plan.ranges and same and status == 200:
                start = int(wanted.removeprefix("bytes=").split("-")[0])
                status = 206 if start < len(body) else 416
            self.send_response(status)
            for name, value in plan.headers.items():
                self.send_header(name, value)
            if plan.etag:
                self.send_header("ETag", plan.etag)
            if status == 206:
                given = plan.content_range or f"bytes {start}-{len(body) - 1}/{len(body)}"
                self.send_header("Content-Range", given)
                body = body[start:]
            if status >= 400:
                body = b"no"
            if plan.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            elif plan.length:
                self.send_header("Content-Length", str(plan.announce or len(body)))
            self.end_headers()
            sent = body if plan.cut is None else body[: plan.cut]
            if plan.chunked:
                self.wfile.write(f"{len(sent):x}\r\n".encode() + sent + b"\r\n")
                if plan.cut is None:
                    self.wfile.write(b"0\r\n\r\n")
            else:
                self.wfile.write(sent)
            self.close_connection = plan.cut is not None or plan.announce is not None or not plan.length

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that hangs up early is what the tests are about."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def running_archive():
    """An `Archive` that serves until the end of the block."""
    archive = Archive("")
    server = _Server(("127.0.0.1", 0), _handler(archive, threading.Lock()))
    archive.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
