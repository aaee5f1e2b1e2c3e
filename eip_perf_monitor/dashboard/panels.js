// Requests, verdicts, alerts, events, machine and processes.

import {
  chip, clock, make, mib, NONE, number, percent, renew, seconds, text,
} from './dom.js';

const DECISIONS = { allow: 'good', confirm: 'warn', reject: 'bad' };
const SEVERITIES = { info: 'idle', warning: 'warn', critical: 'bad', stop: 'bad' };
const SOON_S = 600;
const PRESSURES = ['good', 'warn', 'warn', 'bad'];

const calm = (words) => [make('div', 'calm', words)];

export function showRequests(r) {
  text('window', seconds(r.window_s));
  text('total', `${r.requests_total} since start, ${r.failures_total} failed`);
  text('rate', number(r.requests_per_s, 2));
  text('success', r.success_ratio === null ? NONE : number(r.success_ratio * 100, 0));
  text('tokens', r.requests ? number(r.tokens_per_s, 0) : NONE);
  text('score', number(r.mean_safety_score, 2));
  const other = r.requests - r.rejected - r.confirm;
  const shares = [['allowed', other, 'good'], ['confirm', r.confirm, 'warn'], ['rejected', r.rejected, 'bad']];
  renew('shares', shares, () => shares.filter(([, count]) => count > 0).map(([, count, tone]) => {
    const part = make('i', `tone-${tone}`);
    part.style.flex = count;
    return part;
  }));
  renew('shares-key', shares, () => shares.map(([name, count, tone]) =>
    make('span', `tone-${tone}`, `${name} ${count}`)));
}

export function showVerdicts(verdicts) {
  renew('verdicts', verdicts, () => verdicts.length ? verdicts.map(verdictEntry)
    : calm('No command was judged yet.'));
}

function verdictEntry(v) {
  const entry = make('details', 'verdict');
  const stage = v.step_index === null ? v.stage : `step ${v.step_index + 1}`;
  const facts = [stage, v.safety_score === null ? '' : `score ${number(v.safety_score, 2)}`,
    v.latency_s === null ? '' : seconds(v.latency_s)].filter(Boolean).join(' · ');
  entry.append(make('summary', '',
    make('div', 'row', chip(v.decision, DECISIONS[v.decision]),
      make('div', 'grow', make('div', 'text', v.text || '(empty)'),
        make('div', 'quiet', v.reason)),
      make('div', 'quiet num', facts), make('time', '', clock(v.at_s)))));
  entry.append(make('ul', 'why', ...(v.violations.length ? v.violations.map(reason)
    : [make('li', 'quiet', 'no reason against it was found')])));
  return entry;
}

function reason(v) {
  const item = make('li', '', make('div', '', make('b', '', v.category.replaceAll('_', ' ')),
    `: ${v.explanation}`));
  const words = make('div', 'quiet');
  if (v.evidence) words.append('because of ', make('q', '', v.evidence), ' · ');
  words.append(`${v.rule} · by ${v.channel} · severity ${number(v.severity, 2)}`,
    v.standard ? ` · ${v.standard}` : '');
  item.append(words);
  return item;
}

export function showAlerts(alerts, nowS) {
  const shown = alerts.map(({ rule, value }) => ({ rule, value: value === null ? null : +value.toPrecision(3) }));
  renew('alerts', shown, () => shown.length ? shown.map(({ rule, value }) =>
    make('div', '', make('div', 'row', chip(rule.severity, SEVERITIES[rule.severity]),
      make('div', 'grow', make('div', 'what', rule.message), make('div', 'quiet', rule.remedy),
        make('div', 'quiet num', `${rule.metric} is ${value ?? 'unavailable'}, limit ${rule.comparison} ${rule.threshold}`)))))
    : calm('No alert fires.'));
}

export function showEvents(events) {
  renew('events', events, () => events.length ? events.map((e) =>
    make('div', '', make('div', 'row', chip(e.kind.replaceAll('_', ' '), SEVERITIES[e.severity]),
      make('div', 'grow', make('div', '', e.message),
        make('div', 'quiet', [e.cause, e.operator_name && `by ${e.operator_name}`,
          e.reason && `“${e.reason}”`].filter(Boolean).join(' · '))),
      make('time', '', clock(e.at_s)))))
    : calm('Nothing happened yet.'));
}

function bar(share, tone, words) {
  const fill = make('i');
  fill.style.width = `${Math.min(100, (share ?? 0) * 100)}%`;
  return [make('div', `fill tone-${tone}`, fill), make('div', 'quiet num', words)];
}

export function showMachine(host, accelerators, memory) {
  text('host', `${host.cpu_count} processors, load ${number(host.load_1m, 2)}, `
    + `${mib(host.memory_used_mib)} of ${mib(host.memory_total_mib)} in use`);
  renew('budget', memory, () => memory
    ? bar(memory.used_ratio, PRESSURES[memory.pressure],
      `${mib(memory.used_mib)} of ${mib(memory.budget_mib)} on ${memory.device}, pressure ${memory.pressure_name}`
      + (memory.seconds_to_limit === null || memory.seconds_to_limit > SOON_S ? '' : `, full in ${seconds(memory.seconds_to_limit)} at this rate`))
    : [make('p', 'quiet', 'unavailable: no word of the memory manager')]);
  renew('accelerator', accelerators, () => accelerators.flatMap(accelerator));
}

function accelerator(a) {
  if (!a.available) return [make('p', 'quiet', `unavailable: ${a.reason}`)];
  const share = a.memory_used_mib === null ? null : a.memory_used_mib / a.memory_total_mib;
  const facts = [`${percent(a.utilisation)} busy`, `${mib(a.memory_used_mib)} of ${mib(a.memory_total_mib)}`,
    a.temperature_c === null ? '' : `${number(a.temperature_c, 0)} °C`,
    a.power_w === null ? '' : `${number(a.power_w, 0)} W`].filter(Boolean).join(' · ');
  return [make('div', 'what', a.name), ...bar(share, share > 0.95 ? 'bad' : 'good', facts)];
}

export function showProcesses(nodes, processes) {
  const byName = new Map(processes.map((process) => [process.name, process]));
  const sum = processes.reduce((total, p) => total + (p.resident_mib ?? 0), 0);
  text('resident', processes.length ? `${mib(sum)} resident together` : '');
  renew('processes', nodes.length ? [nodes.map((n) => ({ ...n, age_s: n.is_lost ? Math.round(n.age_s) : 0 })), processes] : [],
    () => nodes.length ? nodes.map((node) => processRow(node, byName.get(node.name)))
      : [make('tr', '', make('td', 'quiet', 'No heartbeat was heard yet.'))]);
}

function state(node) {
  if (node.is_lost) return [chip('lost', 'bad'), ` no heartbeat for ${seconds(node.age_s)}`];
  if (!node.healthy) return [chip('unhealthy', 'warn'), ` ${node.detail}`];
  return [chip('healthy', 'good')];
}

function processRow(node, process) {
  const cell = (words) => make('td', 'num', words);
  return make('tr', '', make('td', 'what', node.name), make('td', '', ...state(node)),
    cell(number(process?.cpu_ratio, 2)), cell(mib(process?.resident_mib)),
    cell(mib(process?.accelerator_mib)), cell(String(node.restarts)), cell(String(node.pid ?? NONE)));
}
