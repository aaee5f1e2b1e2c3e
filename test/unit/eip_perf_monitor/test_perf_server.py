"""The HTTP server: right answers, no way out to the internet, unharmed by bad clients."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from eip_perf_monitor import api as api_module
from eip_perf_monitor.api import Api
from eip_perf_monitor.performance_monitor import PerformanceMonitor
from eip_perf_monitor.robot import VerdictView
from eip_perf_monitor.server import DASHBOARD, PageServer, ServerError


@pytest.fixture
def monitor() -> PerformanceMonitor:
    made = PerformanceMonitor(accelerators=())
    made.sample()
    return made


@pytest.fixture
def server(monitor: PerformanceMonitor) -> Iterator[PageServer]:
    made = PageServer(Api(monitor, 'robot1'), port=0)
    made.start()
    yield made
    made.stop()


def port_of(server: PageServer) -> int:
    return int(server.url.rsplit(':', 1)[1].strip('/'))


def get(
    server: PageServer, path: str, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection('127.0.0.1', port_of(server), timeout=5)
    try:
        connection.request('GET', path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_the_page_and_all_its_files_are_served(server: PageServer) -> None:
    status, headers, body = get(server, '/')
    assert status == 200
    assert headers['Content-Type'].startswith('text/html')
    assert "default-src 'self'" in headers['Content-Security-Policy']
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', body.decode()))
    assert len(files) >= 3
    for name in files:
        assert get(server, name)[0] == 200


def test_the_page_needs_no_internet() -> None:
    for path in DASHBOARD.iterdir():
        links = re.findall(r'(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s"\'`)]*', path.read_text())
        assert [link for link in links if 'www.w3.org' not in link] == [], path.name


def test_every_import_and_element_of_the_page_exists() -> None:
    page = (DASHBOARD / 'index.html').read_text()
    scripts = {path.name: path.read_text() for path in DASHBOARD.glob('*.js')}
    ids = set(re.findall(r'id="([^"]+)"', page))
    for name, script in scripts.items():
        for imported in re.findall(r"from '\./([^']+)'", script):
            assert imported in scripts, f'{name} imports {imported}'
        used = re.findall(r"(?:\$|text|renew|replace)\('([a-z-]+)'", script)
        assert set(used) <= ids, f'{name} uses {set(used) - ids}'


def test_the_status_holds_what_the_board_holds(
    server: PageServer, monitor: PerformanceMonitor
) -> None:
    text = '<script>alert(1)</script> \u202e اذهب \x00'
    monitor.board.put_verdict(
        VerdictView(1.0, 'r', text, 'command', None, 'reject', 0.1, 'why', 0.01)
    )
    status, _, body = get(server, '/api/status')
    found = json.loads(body)
    assert status == 200
    assert found['robot_name'] == 'robot1'
    assert found['robot']['verdicts'][0]['text'] == text
    assert found['accelerators'][0]['available'] is False


def test_metrics_are_prometheus_text(server: PageServer) -> None:
    status, headers, body = get(server, '/metrics')
    assert status == 200
    assert headers['Content-Type'] == 'text/plain; version=0.0.4; charset=utf-8'
    assert b'# TYPE eip_request_duration_seconds histogram' in body
    assert b'robot="robot1"' in body


def test_trends_are_chosen_by_name_and_length(
    server: PageServer, monitor: PerformanceMonitor
) -> None:
    for _ in range(20):
        monitor.sample()
    status, _, body = get(server, '/api/trends?metrics=cpu_ratio,load_per_cpu&max_points=5')
    series = json.loads(body)['series']
    assert status == 200
    assert [s['metric'] for s in series] == ['cpu_ratio', 'load_per_cpu']
    assert len(series[0]['values']) == 5


@pytest.mark.parametrize(
    ('query', 'word'),
    [
        ('metrics=nothing', 'unknown metric'),
        ('window_s=nan', 'window_s'),
        ('window_s=x', 'x'),
        ('max_points=1e99', '1e99'),
    ],
)
def test_a_bad_question_is_answered_with_400_and_a_reason(
    server: PageServer, query: str, word: str
) -> None:
    status, _, body = get(server, f'/api/trends?{query}')
    assert status == 400
    assert word in json.loads(body)['error']


def test_alerts_list_rules_and_metrics(server: PageServer) -> None:
    found = json.loads(get(server, '/api/alerts')[2])
    assert found['active'] == []
    assert any(rule['name'] == 'node_lost' for rule in found['rules'])
    assert found['metrics']['latency_p99_s']['unit'] == 's'


def test_health_is_503_once_sampling_ceased() -> None:
    now = [0.0]
    monitor = PerformanceMonitor(accelerators=(), rules=[], clock=lambda: now[0])
    server = PageServer(Api(monitor), port=0)
    server.start()
    try:
        assert get(server, '/healthz')[0] == 503
        monitor.sample()
        assert get(server, '/healthz')[0] == 200
        now[0] = 60.0
        assert get(server, '/healthz')[0] == 503
    finally:
        server.stop()


def test_a_foreign_host_name_is_refused(server: PageServer) -> None:
    assert get(server, '/api/status', Host='evil.example')[0] == 400
    assert get(server, '/api/status', Host=f'localhost:{port_of(server)}')[0] == 200


@pytest.mark.parametrize('path', ['/static/../server.py', '/static/%2e%2e/server.py', '/nothing'])
def test_nothing_but_the_page_is_given_away(server: PageServer, path: str) -> None:
    assert get(server, path)[0] == 404


def test_it_only_reads(server: PageServer) -> None:
    connection = http.client.HTTPConnection('127.0.0.1', port_of(server), timeout=5)
    connection.request('POST', '/api/status', body=b'{}')
    assert connection.getresponse().status == 405
    connection.close()


def test_a_taken_port_is_one_line_with_the_remedy(server: PageServer) -> None:
    port = port_of(server)
    other = PageServer(Api(PerformanceMonitor(accelerators=(), rules=[])), port=port)
    with pytest.raises(ServerError, match=rf'port {port} on 127\.0\.0\.1 is taken .* or to 0'):
        other.start()
    other.stop()
    assert other.url == ''


def test_an_address_of_another_machine_is_one_line() -> None:
    made = PageServer(Api(PerformanceMonitor(accelerators=(), rules=[])), '203.0.113.7', 0)
    with pytest.raises(ServerError, match=r'cannot listen on 203\.0\.113\.7:0'):
        made.start()


def test_it_may_start_again_after_it_ended(monitor: PerformanceMonitor) -> None:
    server = PageServer(Api(monitor), port=0)
    server.start()
    port = port_of(server)
    for _ in range(2):
        assert get(server, '/healthz')[0] == 200
        server.stop()
        assert server.url == ''
        server.start()
        assert port_of(server) == port
    server.stop()


def follow(server: PageServer) -> socket.socket:
    made = socket.create_connection(('127.0.0.1', port_of(server)), timeout=5)
    made.sendall(b'GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    return made


def read_until(stream: socket.socket, mark: bytes, times: int) -> bytes:
    seen = b''
    while seen.count(mark) < times:
        seen += stream.recv(65536)
    return seen


def test_the_stream_brings_the_status_again_and_again(server: PageServer) -> None:
    with follow(server) as stream:
        seen = read_until(stream, b'data: {', 3)
    assert b'text/event-stream' in seen


def test_a_follower_does_not_hold_up_the_end(server: PageServer) -> None:
    with follow(server) as stream:
        read_until(stream, b'data: {', 1)
        began = time.monotonic()
        server.stop()
        assert not [t for t in threading.enumerate() if t.name == 'page']
        assert time.monotonic() - began < 5.0


def test_too_many_followers_are_told_and_leaving_makes_room(
    server: PageServer, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
) -> None:
    monkeypatch.setattr(api_module, 'MOST_FOLLOWERS', 2)
    streams = [follow(server) for _ in range(2)]
    for stream in streams:
        read_until(stream, b'data: {', 1)
    status, _, body = get(server, '/api/stream')
    assert (status, json.loads(body)['error']) == (503, '2 pages are open; close one')
    for stream in streams:
        stream.close()

    def has_room() -> bool:
        with follow(server) as stream:
            return b' 200 ' in stream.recv(200)

    wait_until(has_room, what='room for a new page')


def test_a_browser_that_reads_nothing_is_dropped_and_harms_nobody(
    monitor: PerformanceMonitor, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
) -> None:
    monkeypatch.setattr(api_module, 'FRAME_S', 0.001)
    monkeypatch.setattr(api_module, '_STUCK_S', 0.3)
    for index in range(30):
        text = f'{index} ' + 'x' * 20_000
        monitor.board.put_verdict(
            VerdictView(1.0, 'r', text, 'command', None, 'reject', 0.1, '', 0.01)
        )
    api = Api(monitor)
    server = PageServer(api, port=0)
    server.start()
    try:
        stuck = socket.socket()
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(('127.0.0.1', port_of(server)))
        stuck.sendall(b'GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
        wait_until(lambda: api.followers == 1, what='the stuck reader to be followed')
        assert get(server, '/healthz')[0] == 200
        wait_until(lambda: api.followers == 0, what='the stuck reader to be dropped')
        stuck.close()
        assert get(server, '/healthz')[0] == 200
    finally:
        server.stop()


@pytest.mark.parametrize(
    'noise', [b'\x00\xff' * 500, b'GET / HTTP/9.9\r\n\r\n', b'GET ' + b'/' * 200_000]
)
def test_noise_on_the_port_harms_nobody(server: PageServer, noise: bytes) -> None:
    raw = socket.create_connection(('127.0.0.1', port_of(server)), timeout=5)
    with raw, contextlib.suppress(OSError):
        raw.sendall(noise)
    assert get(server, '/healthz')[0] == 200
