"""Serve the page of a running search on this machine only."""

import json
import sys
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from urllib.parse import parse_qs, urlsplit

from rich.console import Console

from analysis.report.live_updates import LiveReport
from trainables.errors import InputError
from tuner.cli.command import OK

HOST = "127.0.0.1"
HOST_NAMES = (HOST, "localhost")
"""What a browser may call this machine; any other name is a page elsewhere that pretends."""


def serve(folders: Sequence[str], port: int, console: Console) -> int:
    """Serve until Ctrl-C.

    Args:
        folders: Of the studies.
        port: Where; any that is free if 0.
        console: The address is printed to it.

    Raises:
        InputError: If there is no study, or the port is taken.
    """
    following = LiveReport(folders)
    try:
        server = ReportServer((HOST, port), ReportHandler)
    except OSError as error:
        raise InputError([
            f"port: {port} cannot be used ({error.strerror}); write another, or leave it out."
        ]) from None
    with server:
        server.live_report = following
        console.print(f"http://{HOST}:{server.server_port}/ follows it; Ctrl-C ends that.")
        server.serve_forever()
    return OK


class ReportServer(ThreadingHTTPServer):
    """A server that knows what it follows."""

    daemon_threads = True
    live_report: LiveReport

    def handle_error(
        self, request: socket | tuple[bytes, socket], client_address: tuple[str, int] | str
    ) -> None:
        """Print an error, unless the browser has closed its connection."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class ReportHandler(BaseHTTPRequestHandler):
    """Answers GET requests for the page and its updates only."""

    server: ReportServer
    timeout = 30

    def do_GET(self) -> None:
        """Answer."""
        try:
            address = urlsplit(self.path)
        except ValueError:  # such as http://[x/
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        if self.headers.get("Host") not in self.allowed_hosts():
            self.send_error(HTTPStatus.FORBIDDEN, "This page is for this machine alone")
        elif address.path == "/":
            self.send_text("text/html", self.server.live_report.render())
        elif address.path == "/news":
            version = parse_qs(address.query).get("version", [""])[0]
            news = self.server.live_report.get_updates(version)
            self.send_text("application/json", json.dumps(news, allow_nan=False))
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def allowed_hosts(self) -> set[str]:
        """Return the values of Host that are accepted; others may be DNS rebinding."""
        return {f"{name}:{self.server.server_port}" for name in HOST_NAMES}

    def send_text(self, kind: str, text: str) -> None:
        """Send a text."""
        body = text.encode()
        self.send_response(HTTPStatus.OK)
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing for requests."""
