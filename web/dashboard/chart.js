// Small drawings: a curve over time, parts of a whole, marks on a line of time. Numbers in, SVG out.
//
// It knows no cluster.

/** @import {VNode} from '../common/dom.js' */
import { h } from '../common/dom.js';

const WIDTH = 600;

/**
 * Curves over the same time, the first on top. A null is a gap.
 * @param {{label: string, from: number, until: number, height: number, lines: {name: string, values: [number, number | null][]}[]}} chart
 * @returns {VNode}
 */
export function curves({ label, from, until, height, lines }) {
  const most = Math.max(1, ...lines.flatMap((line) => line.values.map(([, value]) => value ?? 0)));
  const x = (/** @type {number} */ at) => ((at - from) / (until - from)) * WIDTH;
  const y = (/** @type {number} */ value) => height - 1 - (value / most) * (height - 4);
  const drawn = lines.map((line) => h('path', { key: line.name, class: `curve ${line.name}`, d: path(line.values, x, y) }));
  return h('svg', { class: 'chart', viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label, height },
    h('line', { class: 'floor', x1: 0, x2: WIDTH, y1: height - 0.5, y2: height - 0.5 }), drawn.reverse());
}

/** @param {[number, number | null][]} values @param {(at: number) => number} x @param {(value: number) => number} y */
function path(values, x, y) {
  let [text, pen, last] = ['', 'M', 0];
  for (const [at, value] of values) {
    // Seconds that are missing are a gap, too.
    if (value === null || at - last > 5000) pen = 'M';
    last = at;
    if (value === null) continue;
    text += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    // A point alone is a short stroke.
    if (pen === 'M') text += 'h0.5';
    pen = 'L';
  }
  return text || 'M0 0';
}

/**
 * Parts of a whole, side by side.
 * @param {string} label @param {{name: string, value: number}[]} parts @returns {VNode}
 */
export function parts(label, parts) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0) || 1;
  let left = 0;
  const drawn = parts.map(({ name, value }) => {
    const width = (value / whole) * WIDTH;
    left += width;
    return h('rect', { key: name, class: `part ${name}`, x: left - width, y: 0, width: Math.max(0, width - 2), height: 14 });
  });
  return h('svg', { class: 'chart', viewBox: `0 0 ${WIDTH} 14`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label, height: 14 }, drawn);
}

/**
 * Marks with words on a line of time, given from old to new; words that would touch those of a newer one are left out.
 * @param {{label: string, from: number, until: number, width: number, marks: {at: number, text: string, class: string}[]}} line
 * @returns {VNode}
 */
export function marks({ label, from, until, width, marks }) {
  let free = Infinity;
  // The newest has its words for certain.
  const drawn = [...marks].reverse().map((mark, i) => {
    const x = ((mark.at - from) / (until - from)) * width;
    const wide = mark.text.length * 7 + 10;
    // At the right end the words stand left of their mark.
    const left = x + wide > width ? x - wide : x;
    const words = left + wide <= free;
    if (words) free = left - 4;
    return h('g', { key: `${mark.at} ${i}`, class: mark.class },
      h('line', { class: 'mark', x1: x, x2: x, y1: 20, y2: 34 }),
      words && h('rect', { class: 'flag', x: left, y: 2, width: wide, height: 18, rx: 3 }),
      words && h('text', { class: 'flag-text', x: left + wide / 2, y: 15 }, mark.text));
  });
  return h('svg', { class: 'chart marks', viewBox: `0 0 ${width} 36`, role: 'img', 'aria-label': label, height: 36 },
    h('line', { class: 'floor', x1: 0, x2: width, y1: 34.5, y2: 34.5 }), drawn);
}
