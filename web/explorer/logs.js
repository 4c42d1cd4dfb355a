// The logs, one row a node, side by side by index: what is written, durable, committed and applied, and what the leader
// believes of the others.
//
// It knows how an entry looks, not why it is there.

/** @import {NodeView, Selection} from '../types.js' */
import { h, lazy } from '../common/dom.js';
import { columns, round } from './geometry.js';
import { termClass } from './flights.js';
import { cellText, entryText, leaderOf, nodeName, roleName, short } from './words.js';
import { lastIndex } from './world.js';

const SMALL_CROWN = 'M-6 4L-7 -3L-3.4 -0.4L0 -5L3.4 -0.4L7 -3L6 4Z';
const CELL = 30;
const ROW = 50;
const TOP = 22;

/**
 * @typedef {object} LogsScene
 * @property {Map<number, NodeView>} nodes
 * @property {number} width of the whole picture
 * @property {number | null} from the first index that is wanted; null: the newest
 * @property {Selection} selected
 * @property {{index: number, term: number} | null} entry of which all copies are outlined
 * @property {{node: number, index: number, term: number, text: string, age: number}[]} fallen entries that were deleted a moment ago
 * @property {(selected: Selection) => void} select
 * @property {(entry: {index: number, term: number} | null) => void} look
 */

/** Cells are as wide as they can be with all entries seen, in few sizes, so that a growing log seldom changes them. @param {number} width @param {number} last */
function measures(width, last) {
  const narrow = width < 460;
  const label = narrow ? 78 : 86;
  const fits = Math.floor((width - label - 4) / (last + 1));
  return { label, cell: (narrow ? [46] : [72, 56, 46]).find((one) => one <= fits) ?? Math.max(40, fits) };
}

/** The columns that are shown. @param {Map<number, NodeView>} nodes @param {number} width @param {number | null} from */
export function shownColumns(nodes, width, from) {
  const last = Math.max(0, ...[...nodes.values()].map((node) => lastIndex(node.log)));
  const { label, cell } = measures(width, last);
  return { ...columns(last, width - label - 4, cell, from), last, label, cell };
}

/** @param {LogsScene} scene */
export function logsView(scene) {
  const { nodes, width } = scene;
  const { first, count, label, cell } = shownColumns(nodes, width, scene.from);
  const high = nodes.size > 5 ? ROW - 4 : ROW;
  const height = TOP + nodes.size * high + 2;
  const leader = leaderOf(/** @type {any} */ ({ nodes }));
  return h('svg', { id: 'logs', viewBox: `0 0 ${width} ${height}`, height, role: 'group', 'aria-label': 'Logs' },
    lazy('heads', heads, first, count, label, cell),
    [...nodes.values()].map((node, i) => {
      const known = leader && leader.id !== node.id ? leader.peers[node.id] : undefined;
      const chosen = scene.selected?.kind === 'node' && scene.selected.id === node.id;
      return h('g', { key: node.id, transform: `translate(0 ${TOP + i * high})` },
        h('line', { class: 'rule', x1: 0, x2: width, y1: high - 3.5, y2: high - 3.5 }),
        lazy('row', row, node, first, count, label, cell, scene.entry, scene.select, scene.look, chosen),
        known && lazy('known', marks, known.match, known.next, first, count, label, cell, known.state),
        scene.fallen.filter((one) => one.node === node.id).map((one) => deleted(one, first, count, label, cell)));
    }));
}

/** @param {number} first @param {number} count @param {number} label @param {number} cell */
function heads(first, count, label, cell) {
  return h('g', { class: 'heads' }, Array.from({ length: count }, (_, i) =>
    h('text', { x: label + i * cell + cell / 2 - 2, y: 13 }, first + i)));
}

/** @param {NodeView} node @param {number} i @param {number} index */
function cellClass(node, i, index) {
  return [
    'cell', termClass(node.log.terms[i]), node.log.kinds[i],
    index <= node.commit ? 'committed' : 'open',
    index <= node.applied ? 'applied' : '',
    index <= node.durable ? '' : 'not-durable',
  ].filter(Boolean).join(' ');
}

/**
 * @param {NodeView} node
 * @param {number} first
 * @param {number} count
 * @param {number} label
 * @param {number} cell
 * @param {LogsScene['entry']} entry
 * @param {LogsScene['select']} select
 * @param {LogsScene['look']} look
 * @param {boolean} chosen
 */
function row(node, first, count, label, cell, entry, select, look, chosen) {
  const cells = [];
  for (let index = Math.max(first, node.log.first); index < first + count && index <= lastIndex(node.log); index++) {
    cells.push(cellView(node, index, label + (index - first) * cell, cell - 4, entry, select, look));
  }
  const choose = () => select({ kind: 'node', id: node.id });
  return h('g', { class: `row ${roleName(node).replace(' ', '-')}${chosen ? ' selected' : ''}`, role: 'img', 'aria-label': rowSentence(node) },
    h('g', { class: 'who', onclick: choose },
      h('rect', { class: 'reach', x: 0, y: -2, width: label - 6, height: CELL + 4 }),
      h('text', { class: 'name', x: 4, y: 20 }, nodeName(node.id)),
      node.up && node.role === 'leader' && h('path', { class: 'crown', d: SMALL_CROWN, transform: `translate(${label > 80 ? 34 : 30.5} 15)` }),
      h('g', { class: `tag ${termClass(node.term)}`, transform: `translate(${label - (label > 80 ? 27 : 22)} 15)` },
        h('rect', { x: -14, y: -9, width: 28, height: 18, rx: 4 }), h('text', { y: 4 }, node.up ? `t${node.term}` : '✗'))),
    fold(node, first, label, cell),
    cells);
}

/** What is folded into a snapshot. @param {NodeView} node @param {number} first @param {number} label @param {number} cell */
function fold(node, first, label, cell) {
  const folded = node.log.first - 1;
  if (folded < first) return null;
  const width = (folded - first + 1) * cell - 4;
  return h('g', { class: 'fold', transform: `translate(${label} 0)` },
    h('rect', { x: 0, y: 0, width, height: CELL, rx: 4 }),
    h('text', { x: width / 2, y: 19 }, width > 70 ? `▣ 1–${folded}` : `▣ ${folded}`));
}

/**
 * @param {NodeView} node
 * @param {number} index
 * @param {number} x
 * @param {number} width
 * @param {LogsScene['entry']} entry
 * @param {LogsScene['select']} select
 * @param {LogsScene['look']} look
 */
function cellView(node, index, x, width, entry, select, look) {
  const i = index - node.log.first;
  const term = node.log.terms[i];
  const said = { command: node.log.commands[i], kind: node.log.kinds[i] };
  const same = entry && entry.index === index && entry.term === term;
  const durable = index <= node.durable;
  return h('g', {
    key: index, class: cellClass(node, i, index) + (same ? ' same' : ''), transform: `translate(${round(x)} 0)`,
    'data-entry': `${node.id}:${index}@${term}`,
    onclick: () => select({ kind: 'entry', node: node.id, index }),
    onpointerenter: () => look({ index, term }), onpointerleave: () => look(null),
  },
  h('title', null, `${index}@${term} ${entryText(said)}`),
  h('rect', { class: 'ground', width, height: CELL, rx: 4 }),
  h('rect', { class: 'ink', width, height: durable ? CELL : CELL / 2, rx: 4 }),
  h('rect', { class: 'edge', width, height: CELL, rx: 4 }),
  cellWords(said, width),
  h('text', { class: 'of-term', x: width / 2, y: 26 }, `t${term}`),
  index <= node.applied && h('line', { class: 'done', x1: 3, x2: width - 3, y1: CELL + 4, y2: CELL + 4 }));
}

/** A configuration is pressed a little before it is cut. @param {{command: string, kind: string}} said @param {number} width */
function cellWords(said, width) {
  const members = said.kind === 'configuration';
  const words = short(cellText(said), Math.floor((width + 2) / (members ? 5 : 7)));
  const pressed = members && words.length * 6.4 > width - 4;
  return h('text', { class: 'command', x: width / 2, y: 14, textLength: pressed ? width - 4 : null, lengthAdjust: 'spacingAndGlyphs' }, words);
}

/** ● what the leader knows to be there, ▲ what it sends next. @param {number} match @param {number} next @param {number} first @param {number} count @param {number} label @param {number} cell @param {string} state */
function marks(match, next, first, count, label, cell, state) {
  if (next < first) return h('g', { class: `known ${state}` }, h('text', { class: 'left', x: label, y: CELL + 15 }, `‹ match ${match}, next ${next}`));
  const at = (/** @type {number} */ index) => label + (Math.max(-0.4, Math.min(count - 0.6, index - first)) + 0.5) * cell - 2;
  return h('g', { class: `known ${state}` },
    match > 0 && h('circle', { class: 'match', cx: round(at(match)), cy: CELL + 10, r: 3.6 }, h('title', null, `matchIndex ${match}`)),
    h('path', { class: 'next', d: 'M0 -5L5 4H-5Z', transform: `translate(${round(at(next))} ${CELL + 9})` },
      h('title', null, `nextIndex ${next}, ${state}`)));
}

/** It falls out of its row, below what stands in its place by now. @param {LogsScene['fallen'][0]} one @param {number} first @param {number} count @param {number} label @param {number} cell */
function deleted(one, first, count, label, cell) {
  if (one.index < first || one.index >= first + count) return null;
  return h('g', {
    key: `gone ${one.index}`, class: 'deleted', opacity: round(1 - one.age * 0.7),
    transform: `translate(${round(label + (one.index - first) * cell)} ${round(CELL + 1 + 2 * Math.min(1, 5 * one.age))})`,
  },
  h('rect', { width: cell - 4, height: 14, rx: 4 }),
  h('text', { x: (cell - 4) / 2, y: 10.5 }, `${short(one.text, Math.floor(cell / 6.5) - 3)} t${one.term}`));
}

/** A row for who hears it. @param {NodeView} node */
function rowSentence(node) {
  const { log } = node;
  const last = lastIndex(log);
  const folded = log.first > 1 ? `1 to ${log.first - 1} folded into a snapshot; ` : '';
  const from = Math.max(0, log.terms.length - 8);
  const entries = log.terms.slice(from).map((term, i) => {
    const index = log.first + from + i;
    const state = index <= node.applied ? 'applied' : index <= node.commit ? 'committed' : index <= node.durable ? 'not committed' : 'not durable';
    return `${index}@${term} ${log.kinds[from + i] === 'noop' ? 'no-op' : log.commands[from + i]} ${state}`;
  });
  return `Log of ${nodeName(node.id)}, ${roleName(node)}: ${folded}${last === 0 ? 'empty' : entries.join(', ')}`;
}

/** What the marks mean, once, below the logs. */
export function logsLegend() {
  const sample = (/** @type {string} */ name, /** @type {any} */ mark, /** @type {string} */ text) =>
    h('span', { class: 'sample' }, h('svg', { class: name, viewBox: '0 0 22 18', width: 22, height: 18, 'aria-hidden': 'true' }, mark), text);
  const cell = (/** @type {string} */ name, /** @type {number} */ height) => h('g', { class: `cell term-0 ${name}`, transform: 'translate(2 2)' },
    h('rect', { class: 'ground', width: 18, height: 13, rx: 3 }), h('rect', { class: 'ink', width: 18, height, rx: 3 }), h('rect', { class: 'edge', width: 18, height: 13, rx: 3 }));
  return h('p', { class: 'legend' },
    sample('cells', cell('committed', 13), 'committed'), sample('cells', cell('open', 13), 'not yet'),
    sample('cells', cell('open not-durable', 6.5), 'not on disk yet'),
    sample('cells', h('line', { class: 'done', x1: 3, x2: 19, y1: 10, y2: 10 }), 'applied'),
    sample('known', h('circle', { class: 'match', cx: 11, cy: 9, r: 3.6 }), 'match'),
    sample('known', h('path', { class: 'next', d: 'M0 -5L5 4H-5Z', transform: 'translate(11 10)' }), 'next'),
    sample('deleted', h('rect', { x: 1, y: 3, width: 20, height: 12, rx: 3 }), 'deleted'));
}
