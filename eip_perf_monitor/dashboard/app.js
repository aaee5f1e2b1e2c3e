// Follows the server's events and shows them; says so loudly when they cease.

import { Chart } from './chart.js';
import { $, clock, mib, percent, seconds, text } from './dom.js';
import {
  showAlerts, showEvents, showMachine, showProcesses, showRequests, showVerdicts,
} from './panels.js';
import { showSafety } from './safety.js';

const LOST_MS = 3000;
const KEPT_S = 3600;
const METRICS = ['latency_p50_s', 'latency_p90_s', 'latency_p99_s', 'cpu_ratio', 'memory_used_ratio'];

const charts = [
  new Chart($('latency'), [
    { metric: 'latency_p50_s', name: 'p50', className: 's-p50' },
    { metric: 'latency_p90_s', name: 'p90', className: 's-p90' },
    { metric: 'latency_p99_s', name: 'p99', className: 's-p99' },
  ], (value) => (value ? seconds(value) : '0')),
  new Chart($('cpu'), [{ metric: 'cpu_ratio', name: 'processors', className: 's-one' }], percent, 1),
  new Chart($('memory'), [{ metric: 'memory_used_ratio', name: 'memory', className: 's-one' }], percent, 1),
];

let points = [];
let spanS = 600;
let heardAt = performance.now();
let lastS = 0;
let isLost = false;
let isChosen = false;

function drawCharts(nowS) {
  for (const chart of charts) chart.show(points, spanS, nowS);
}

// What was measured before this page was opened, or while it was cut off.
async function loadHistory() {
  const answer = await fetch(`/api/trends?metrics=${METRICS.join(',')}&window_s=${KEPT_S}&max_points=1800`);
  if (!answer.ok) return;
  const { series } = await answer.json();
  const nowS = Date.now() / 1000;
  const stamps = series[0].stamps_s;
  const loaded = stamps.map((stamp, i) => {
    const point = { at: nowS + stamp };
    for (const { metric, values } of series) point[metric] = values[i];
    return point;
  });
  const since = loaded.at(-1)?.at ?? 0;
  points = [...loaded, ...points.filter((point) => point.at > since)];
  if (!isChosen) setSpan(loaded.length && nowS - loaded[0].at > 150 ? 600 : 120);
  drawCharts(nowS);
}

function setSpan(wantedS) {
  spanS = wantedS;
  for (const button of $('span').children) button.ariaPressed = String(Number(button.dataset.s) === spanS);
  drawCharts(Date.now() / 1000);
}

function keepPoint(frame) {
  if (frame.taken_at_s - lastS < 0.9) return;
  lastS = frame.taken_at_s;
  const nowS = Date.now() / 1000;  // the page's own clock, should the robot's differ
  const point = { at: nowS };
  for (const metric of METRICS) point[metric] = frame.metrics[metric];
  points.push(point);
  points = points.filter(({ at }) => at > nowS - KEPT_S);
  drawCharts(nowS);
}

function show(frame) {
  const { robot } = frame;
  const name = frame.robot_name || 'robot';
  text('robot', name);
  document.title = `${name} · ${robot.safety?.mode ?? 'safety monitor not heard'} · EIP`;
  text('clock', clock(frame.taken_at_s));
  text('rules', frame.alerts.length ? `${frame.alerts.length} firing` : '');
  showSafety(robot);
  showRequests(frame.requests);
  showVerdicts(robot.verdicts);
  showAlerts(frame.alerts);
  showEvents(robot.events);
  showMachine(frame.host, frame.accelerators, robot.memory);
  showProcesses(robot.nodes, frame.processes);
  keepPoint(frame);
}

function setLink(word, tone) {
  $('link').className = `chip tone-${tone}`;
  text('link', word);
}

function checkLink() {
  const silentMs = performance.now() - heardAt;
  const wasLost = isLost;
  isLost = silentMs > LOST_MS;
  document.body.classList.toggle('is-lost', isLost);
  $('lost').hidden = !isLost;
  if (isLost) {
    setLink('cut off', 'bad');
    text('lost', `No word of the performance monitor for ${Math.round(silentMs / 1000)} s. `
      + 'What is shown below is old; do not rely on it.');
  } else if (wasLost) {
    loadHistory();
  }
}

function follow() {
  const source = new EventSource('/api/stream');
  source.onmessage = (event) => {
    heardAt = performance.now();
    setLink('live', 'good');
    show(JSON.parse(event.data));
  };
  source.onerror = () => {
    // The browser tries again by itself, except after an answer that was no stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
  };
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  text('theme', theme === 'dark' ? 'Light' : 'Dark');
}

function rememberedTheme() {
  try { return localStorage.getItem('theme'); } catch { return null; }
}

const wanted = new URLSearchParams(location.search).get('theme') ?? rememberedTheme()
  ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
setTheme(wanted === 'dark' ? 'dark' : 'light');
$('theme').addEventListener('click', () => {
  const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  setTheme(next);
  try { localStorage.setItem('theme', next); } catch { /* private window */ }
});

for (const button of $('span').children) {
  button.addEventListener('click', () => {
    isChosen = true;
    setSpan(Number(button.dataset.s));
  });
}
addEventListener('resize', () => drawCharts(Date.now() / 1000));

loadHistory();
follow();
setInterval(checkLink, 500);
