// A line chart in SVG: gaps where nothing was measured, a cross-hair with values.

import { make } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const LEFT = 46;
const BOTTOM = 20;
const TOP = 16;

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function label(words, x, y, anchor = 'end') {
  const element = draw('text', { x, y, 'text-anchor': anchor });
  element.textContent = words;
  return element;
}

// The least of 1, 2, 2.5, 5 times a power of ten that holds `value`.
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

export class Chart {
  // series: [{metric, name, className}]; format: value to words; top: fixed upper end or null.
  constructor(holder, series, format, top = null) {
    Object.assign(this, { holder, series, format, top });
    this.tip = make('div', 'tip');
    this.tip.hidden = true;
    this.cursor = null;
    if (series.length > 1) {
      this.key = make('div', 'key over',
        ...series.map(({ name, className }) => make('span', className, name)));
    }
    holder.addEventListener('pointermove', (event) => this.point(event));
    holder.addEventListener('pointerleave', () => { this.cursor = null; this.render(); });
  }

  show(points, spanS, nowS) {
    Object.assign(this, { points, spanS, nowS });
    this.render();
  }

  point(event) {
    this.cursor = event.clientX - this.holder.getBoundingClientRect().left;
    this.render();
  }

  render() {
    if (!this.points) return;
    const width = this.holder.clientWidth;
    const height = this.holder.clientHeight;
    const since = this.nowS - this.spanS;
    const kept = this.points.filter((point) => point.at >= since);
    const values = kept.flatMap((point) => this.series.map(({ metric }) => point[metric]))
      .filter((value) => value !== null && value !== undefined);
    const greatest = this.top ?? niceTop(Math.max(...values, 1e-3));
    const x = (at) => LEFT + ((at - since) / this.spanS) * (width - LEFT);
    const y = (value) => TOP + (1 - value / greatest) * (height - TOP - BOTTOM);
    const svg = draw('svg', { role: 'img', 'aria-label': this.series.map((s) => s.name).join(', ') });
    this.axes(svg, width, height, greatest, y);
    for (const { metric, className } of [...this.series].reverse()) {
      this.line(svg, kept, metric, className, x, y);
    }
    if (!values.length) svg.append(this.nothing(width, height));
    this.cross(svg, kept, x, y, width, height);
    this.holder.replaceChildren(svg, ...(this.key ? [this.key] : []), this.tip);
  }

  axes(svg, width, height, greatest, y) {
    for (const share of [0, 0.5, 1]) {
      const at = y(greatest * share);
      svg.append(draw('line', { class: 'grid', x1: LEFT, x2: width, y1: at, y2: at }));
      svg.append(label(this.format(greatest * share), LEFT - 8, at + 4));
    }
    const words = this.spanS < 180 ? `${this.spanS} s ago` : `${Math.round(this.spanS / 60)} min ago`;
    svg.append(label(words, LEFT, height - 3, 'start'), label('now', width, height - 3));
  }

  line(svg, points, metric, className, x, y) {
    const runs = [];
    let run = null;
    for (const point of points) {
      const value = point[metric];
      if (value === null || value === undefined) { run = null; continue; }
      if (!run) runs.push(run = []);
      run.push([x(point.at), y(value)]);
    }
    for (const places of runs) {
      if (places.length === 1) places.push([places[0][0] + 1.5, places[0][1]]);
      const path = places.map(([a, b], i) => `${i ? 'L' : 'M'}${a.toFixed(1)} ${b.toFixed(1)}`).join('');
      if (this.series.length === 1) {
        const floor = y(0).toFixed(1);
        const end = `L${places.at(-1)[0].toFixed(1)} ${floor}L${places[0][0].toFixed(1)} ${floor}Z`;
        svg.append(draw('path', { class: `area ${className}`, d: path + end }));
      }
      svg.append(draw('path', { class: className, d: path }));
    }
  }

  nothing(width, height) {
    const element = label('nothing measured in this span', (width + LEFT) / 2, height / 2, 'middle');
    element.setAttribute('class', 'empty');
    return element;
  }

  cross(svg, points, x, y, width, height) {
    this.tip.hidden = this.cursor === null || !points.length;
    if (this.tip.hidden) return;
    const near = points.reduce((a, b) =>
      Math.abs(x(a.at) - this.cursor) <= Math.abs(x(b.at) - this.cursor) ? a : b);
    const at = x(near.at);
    svg.append(draw('line', { class: 'cross', x1: at, x2: at, y1: TOP, y2: height - BOTTOM }));
    const words = this.series.map(({ metric, name }) =>
      `${name} ${near[metric] === null || near[metric] === undefined ? '–' : this.format(near[metric])}`);
    this.tip.textContent = `${Math.round(this.nowS - near.at)} s ago · ${words.join(' · ')}`;
    if (at > width / 2) {
      Object.assign(this.tip.style, { left: 'auto', right: `${width - at + 8}px` });
    } else {
      Object.assign(this.tip.style, { left: `${at + 8}px`, right: 'auto' });
    }
  }
}
