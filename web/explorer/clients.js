// Clients: their requests fly in from outside of the ring, and answers fly out again; and the list of them.
//
// It knows how far a request is, not what it does.

/** @import {ClientView, NodeView} from '../types.js' */
/** @import {Ring} from './geometry.js' */
import { h } from '../common/dom.js';
import { part, round } from './geometry.js';
import { nodeName, short, span } from './words.js';

/** A request waits beside its node; an answer leaves, if its node can still give one. @param {Ring} ring @param {Map<number, NodeView>} nodes @param {ClientView[]} clients @param {number} t */
export function clientChips(ring, nodes, clients, t) {
  /** @type {Map<number, number>} */
  const lines = new Map();
  const seen = clients.filter((one) => one.asked <= t && (one.told === null || one.told >= t));
  return h('g', { key: 'clients' }, seen.map((one) => {
    const at = ring.places.get(one.node);
    if (!at) return null;
    const line = lines.get(one.node) ?? 0;
    lines.set(one.node, line + 1);
    const broken = nodes.get(one.node)?.up ? 'answer' : 'no answer';
    const text = one.answered !== null && one.answered <= t ? one.answer ?? broken : one.asks;
    return chip(ring, one, at, distance(one, t), short(text, 14), line);
  }));
}

/** 1 far outside, 0 at the node. @param {ClientView} one @param {number} t */
function distance(one, t) {
  if (one.answered !== null && one.answered <= t) return part(t, one.answered, one.told ?? one.answered);
  return 1 - part(t, one.asked, one.arrives);
}

/** @param {Ring} ring @param {ClientView} one @param {{x: number, y: number}} at @param {number} far @param {string} text @param {number} line */
function chip(ring, one, at, far, text, line) {
  const side = at.x >= ring.centre.x - 1 ? 1 : -1;
  const width = text.length * 6.7 + 16;
  const x = Math.max(width / 2 + 2, Math.min(ring.width - width / 2 - 2, at.x + side * (ring.r * 0.6 + far * 70)));
  return h('g', {
    key: one.request, class: `client ${one.answered === null ? 'asking' : one.state}`,
    transform: `translate(${round(x)} ${round(at.y - ring.r - 21 - line * 22)})`, opacity: round(1 - far * 0.6),
  },
  h('rect', { x: -width / 2, y: -10, width, height: 20, rx: 10 }),
  h('text', { y: 4 }, text));
}

/** The heads of a table's columns; a column without a name has none. @param {string[]} names */
export const tableHead = (names) => h('thead', null, h('tr', null, names.map((name) => (name ? h('th', { scope: 'col' }, name) : h('td', null)))));

/** @param {ClientView} one */
function outcome(one) {
  if (one.state === 'waiting') return 'waits';
  const took = one.told === null ? '' : `, after ${span(one.told - one.asked)}`;
  const words = { done: 'done', refused: 'refused, no effect', unknown: 'outcome unknown' };
  return `${words[one.state]}${one.answer && one.answer !== 'done' ? ': ' + one.answer : ''}${took}`;
}

/** @param {ClientView[]} clients @param {(one: ClientView) => void} again */
export function clientList(clients, again) {
  if (clients.length === 0) return h('p', { class: 'quiet' }, 'No client has asked anything yet. Press S to send a command.');
  return h('table', { class: 'list' },
    tableHead(['Request', 'At', 'Asks', 'Outcome', '']),
    h('tbody', null, [...clients].reverse().map((one) => h('tr', { key: one.request, class: one.state },
      h('td', null, one.request), h('td', null, nodeName(one.node)), h('td', { class: 'mono' }, short(one.asks, 24)),
      h('td', null, outcome(one)),
      h('td', null, h('button', { class: 'small', onclick: () => again(one) }, 'Ask again'))))));
}
