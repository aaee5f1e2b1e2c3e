"""What the HTTP server answers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from eip_perf_monitor.exporters.prometheus import CONTENT_TYPE, PrometheusExporter
from eip_perf_monitor.metrics import METRICS
from eip_perf_monitor.performance_monitor import PerformanceMonitor
from eip_perf_monitor.snapshot import to_plain

__all__ = ['Api']

FRAME_S: Final = 0.5
MOST_FOLLOWERS: Final = 32
_STUCK_S: Final = 10.0
_SAFE: Final = {
    'Content-Security-Policy': "default-src 'self'; img-src 'self' data:; base-uri 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
}


class Api:
    """Read-only answers from one monitor; `robot` is the name shown and the Prometheus label."""

    def __init__(self, monitor: PerformanceMonitor, robot: str = '') -> None:
        self.is_ending: Callable[[], bool] = lambda: False
        self._monitor = monitor
        self._robot = robot
        self._exporter = PrometheusExporter(monitor.snapshot, robot)
        self._frame = ''
        self._frame_at = 0.0
        self._followers = 0

    def routes(self, dashboard: Path) -> list[BaseRoute]:
        """Return all routes; the page's files lie in `dashboard`."""

        async def page(request: Request) -> Response:
            return FileResponse(dashboard / 'index.html', headers=_SAFE)

        return [
            Route('/', page),
            Route('/metrics', self.metrics),
            Route('/healthz', self.healthz),
            Route('/api/status', self.status),
            Route('/api/trends', self.trends),
            Route('/api/alerts', self.alerts),
            Route('/api/stream', self.stream),
            Mount('/static', StaticFiles(directory=dashboard)),
        ]

    @property
    def followers(self) -> int:
        """Return how many pages are open."""
        return self._followers

    async def metrics(self, request: Request) -> Response:
        """Answer a Prometheus scrape."""
        text = await run_in_threadpool(self._exporter.render)
        return Response(text, headers={'Content-Type': CONTENT_TYPE})

    async def healthz(self, request: Request) -> Response:
        """Answer 200 while the monitor samples, 503 once it ceased to."""
        age_s = self._monitor.sample_age_s
        limit_s = 5 * self._monitor.config.sample_period_s
        healthy = age_s is not None and age_s < limit_s
        body = {'healthy': healthy, 'sample_age_s': age_s, 'robot': self._robot}
        return JSONResponse(body, 200 if healthy else 503)

    async def status(self, request: Request) -> Response:
        """Answer with everything known now."""
        return Response(await run_in_threadpool(self._status), media_type='application/json')

    async def trends(self, request: Request) -> Response:
        """Answer with metrics over time: ?metrics=a,b&window_s=600&max_points=300."""
        query = request.query_params
        names = [name for name in query.get('metrics', '').split(',') if name]
        try:
            window_s = float(query.get('window_s', '600'))
            max_points = int(query.get('max_points', '300'))
            found = await run_in_threadpool(
                self._monitor.get_trends, names, window_s, min(max(max_points, 1), 5000)
            )
        except ValueError as error:
            return JSONResponse({'error': str(error)}, 400)
        return JSONResponse({'series': to_plain(found)})

    async def alerts(self, request: Request) -> Response:
        """Answer with the alerts that fire and all rules."""
        return JSONResponse(
            {
                'active': to_plain(self._monitor.active_alerts()),
                'rules': to_plain(self._monitor.rules),
                'metrics': {name: {'unit': u, 'meaning': m} for name, (u, m) in METRICS.items()},
            }
        )

    async def stream(self, request: Request) -> Response:
        """Answer with server-sent events: the status, twice a second."""
        if self._followers >= MOST_FOLLOWERS:
            return JSONResponse({'error': f'{MOST_FOLLOWERS} pages are open; close one'}, 503)
        return _Stream(self._frames(), self._count, media_type='text/event-stream', headers=_SAFE)

    def _count(self, change: int) -> None:
        self._followers += change

    async def _frames(self) -> AsyncIterator[str]:
        while not self.is_ending():
            yield f'data: {await self._shared_frame()}\n\n'
            await asyncio.sleep(FRAME_S)

    async def _shared_frame(self) -> str:
        """Return the status, made once for all pages that are open."""
        if time.monotonic() - self._frame_at > 0.8 * FRAME_S:
            self._frame_at = time.monotonic()
            self._frame = await run_in_threadpool(self._status)
        return self._frame

    def _status(self) -> str:
        plain: dict[str, Any] = to_plain(self._monitor.snapshot())
        plain['robot_name'] = self._robot
        return json.dumps(plain, separators=(',', ':'))


class _Stream(StreamingResponse):
    """A stream that gives up on a reader who takes nothing, and never queues for a slow one."""

    def __init__(
        self, frames: AsyncIterator[str], count: Callable[[int], None], **options: Any
    ) -> None:
        super().__init__(frames, **options)
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._count(1)
        try:
            await super().__call__(scope, receive, send)
        except ClientDisconnect:
            return
        finally:
            self._count(-1)

    async def stream_response(self, send: Send) -> None:
        await super().stream_response(_impatient(send))


def _impatient(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def send_soon(message: Message) -> None:
        try:
            await asyncio.wait_for(send(message), _STUCK_S)
        except TimeoutError:
            raise OSError('the reader takes nothing') from None

    return send_soon
