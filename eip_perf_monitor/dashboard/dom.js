// Small helpers. Everything shown goes through textContent: what a command says is never markup.

export const $ = (id) => document.getElementById(id);

export function make(tag, className = '', ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== ''));
  return element;
}

export function text(id, value) {
  const element = $(id);
  const shown = String(value);
  if (element.textContent !== shown) element.textContent = shown;
}

export function replace(id, children) {
  $(id).replaceChildren(...children);
}

export const chip = (word, tone) => make('span', `chip tone-${tone}`, word);

export const NONE = '–';

export function number(value, digits = 1) {
  return value === null || value === undefined ? NONE : value.toFixed(digits);
}

export function seconds(value) {
  if (value === null || value === undefined) return NONE;
  if (value < 0.0995) return `${(value * 1000).toFixed(value < 0.00995 ? 1 : 0)} ms`;
  return value < 120 ? `${value.toFixed(value < 9.95 ? 2 : 0)} s` : `${(value / 60).toFixed(0)} min`;
}

export function mib(value) {
  if (value === null || value === undefined) return NONE;
  return value < 1024 ? `${value.toFixed(0)} MiB` : `${(value / 1024).toFixed(1)} GiB`;
}

export const percent = (value) =>
  value === null || value === undefined ? NONE : `${(value * 100).toFixed(0)} %`;

export function clock(epochS) {
  return new Date(epochS * 1000).toLocaleTimeString('en-GB');
}

// Replaces the children of `id` only when what they are made from has changed, so that an open
// entry stays open and the reader's place is kept.
const seen = new Map();
export function renew(id, source, build) {
  const key = JSON.stringify(source);
  if (seen.get(id) === key) return;
  seen.set(id, key);
  replace(id, build());
}
