// The logs of all members on one axis: snapshot, applied, committed, durable, last.
//
// It knows the five numbers of a row. Which of them is whose is told in words beside it.

/** @import {VNode} from '../common/dom.js' */
/** @import {Row, MemberView} from './feed.js' */
import { h } from '../common/dom.js';
import { grouped } from './words.js';

const WIDTH = 1000;

/** The entries that all bars show: from the oldest snapshot, with a little before it, to the last entry of all. @param {Row[]} rows */
export function axis(rows) {
  const views = rows.flatMap((row) => (row.view ? [row.view] : []));
  const until = Math.max(1, ...views.map((view) => view.last));
  const oldest = Math.min(...views.map((view) => view.snapshot), until);
  const from = Math.max(0, oldest - Math.max(1, (until - oldest) * 0.06));
  return { from, until };
}

/**
 * The pieces of one bar, each to the right of the one before.
 * @param {MemberView} view @param {{from: number, until: number}} axis
 */
export function pieces(view, { from, until }) {
  const x = (/** @type {number} */ index) => Math.round(((Math.min(Math.max(index, from), until) - from) / (until - from)) * WIDTH * 10) / 10;
  const ends = [
    { name: 'snapshot', end: view.snapshot },
    { name: 'applied', end: view.applied },
    { name: 'committed', end: view.commit },
    { name: 'durable', end: view.durable },
    { name: 'last', end: view.last },
  ];
  let [at, left] = [from, 0];
  return ends.flatMap(({ name, end }) => {
    if (end <= at) return [];
    const right = x(end);
    const piece = { name, left, width: right - left };
    [at, left] = [end, right];
    return piece.width > 0 ? [piece] : [];
  });
}

/** @param {MemberView} view @param {{from: number, until: number}} axis @returns {VNode} */
export function bar(view, axis) {
  const label = `log: snapshot up to ${grouped(view.snapshot)}, applied ${grouped(view.applied)}, committed ${grouped(view.commit)}, durable ${grouped(view.durable)}, last ${grouped(view.last)}`;
  const commit = Math.max(0, Math.min(WIDTH, ((view.commit - axis.from) / (axis.until - axis.from)) * WIDTH));
  return h('svg', { class: 'bar', viewBox: `0 0 ${WIDTH} 22`, preserveAspectRatio: 'none', height: 22, role: 'img', 'aria-label': label },
    h('rect', { class: 'rail', x: 0, y: 9, width: WIDTH, height: 4 }),
    pieces(view, axis).map((one) => h('rect', { key: one.name, class: `piece ${one.name}`, x: one.left, y: 4, width: one.width, height: 14 })),
    h('rect', { key: 'commit', class: 'commit-mark', x: Math.max(0, commit - 3), y: 0, width: 3, height: 22 }));
}

/** What the pieces mean. */
export function barLegend() {
  const sample = (/** @type {string} */ name, /** @type {string} */ words) =>
    h('span', { key: name, class: 'sample' }, h('svg', { width: 18, height: 12, 'aria-hidden': 'true', class: 'bar' },
      h('rect', { class: name === 'commit-mark' ? name : `piece ${name}`, x: name === 'commit-mark' ? 7 : 1, y: 1, width: name === 'commit-mark' ? 3 : 16, height: 10 })), words);
  return h('p', { key: 'legend', class: 'legend' },
    sample('snapshot', 'in the snapshot'), sample('applied', 'applied'), sample('committed', 'committed'), sample('durable', 'durable'), sample('last', 'not durable'),
    sample('commit-mark', 'commit index'));
}
