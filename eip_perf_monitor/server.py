"""One HTTP server: the live page, its event stream, a small JSON API, /metrics and /healthz."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import threading
import time
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from eip_perf_monitor.api import Api

__all__ = ['PageServer', 'ServerError']

DASHBOARD: Final = Path(__file__).parent / 'dashboard'
_START_S: Final = 5.0
_BACKLOG: Final = 64
_MOST_CONNECTIONS: Final = 96


class ServerError(OSError):
    """The server cannot listen; one line naming address, port and remedy."""


class PageServer:
    """Serves `api` from a thread of its own, so that no browser can hold up the node."""

    def __init__(self, api: Api, host: str = '127.0.0.1', port: int = 8090) -> None:
        self._api = api
        self._host = host
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return where the page is, empty while the server does not run."""
        if self._server is None:
            return ''
        host = f'[{self._host}]' if ':' in self._host else self._host
        return f'http://{host}:{self._port}/'

    def start(self) -> None:
        """Listen and serve; raises ServerError when address or port cannot be had."""
        listener = _listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._application(),
            loop='asyncio',
            http='h11',
            ws='none',
            lifespan='off',
            log_config=None,
            log_level='critical',
            access_log=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        self._api.is_ending = lambda: server.should_exit
        self._thread = threading.Thread(
            target=server.run, kwargs={'sockets': [listener]}, name='page', daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        if not server.started:
            server.should_exit = True
            raise ServerError(f'the page at {self._host}:{self._port} did not start')
        self._server = server

    def stop(self) -> None:
        """Close every connection and free the port."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=_START_S)
        self._server = self._thread = None

    def _application(self) -> Starlette:
        return Starlette(
            routes=self._api.routes(DASHBOARD),
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_hosts(self._host))],
        )


def _hosts(host: str) -> list[str]:
    """Return the Host headers to accept: on loopback only its own names, against DNS rebinding."""
    with contextlib.suppress(ValueError):
        if not ipaddress.ip_address(host).is_loopback:
            return ['*']
    return [host, 'localhost', '127.0.0.1', '[::1]', '[']


def _listen(host: str, port: int) -> socket.socket:
    listener: socket.socket | None = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise ServerError(_explain(host, port, error)) from None
    return listener


def _explain(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f'port {port} on {host} is taken by another process; '
            'set the parameter port to another one, or to 0 for any that is free'
        )
    if error.errno == errno.EACCES:
        return f'port {port} needs privileges; set the parameter port to 1024 or more'
    return f'cannot listen on {host}:{port}: {error.strerror}; set the parameter host'
