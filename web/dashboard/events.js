// What happened, with reasons: the elections on a line of time, and all lines of all members.
//
// The sentences are the members' own, by their own clocks.

/** @import {VNode} from '../common/dom.js' */
/** @import {Known, Cluster, Line} from './feed.js' */
/** @import {Copy} from './panel.js' */
import { h } from '../common/dom.js';
import { marks } from './chart.js';
import { nameOf } from './headline.js';
import { SPAN } from './latency.js';
import { panel } from './panel.js';
import { clock, termClass } from './words.js';

/** Lines that are listed. */
const SHOWN = 60;

/** Elections that were won, the newest first. @param {Line[]} lines */
export function elections(lines) {
  return lines.filter((line) => line.leads);
}

/** Why an election was held, from what its winner says. @param {Line} line */
export function reason(line) {
  const at = line.text.indexOf(': ');
  return at < 0 ? '' : line.text.slice(at + 2);
}

/** Names people gave in place of the numbers inside. @param {Cluster} cluster @param {string} text */
export function named(cluster, text) {
  return text.replace(/\bn(\d+)\b/g, (word, node) => cluster.rows.find((row) => row.node === Number(node))?.name || word);
}

/** @param {Known} known @param {Cluster} cluster @param {number} width @param {Copy} copy @returns {VNode} */
export function electionsView(known, cluster, width, copy) {
  const won = elections(known.lines);
  const from = cluster.at - SPAN;
  const shown = won.filter((line) => line.at >= from).reverse();
  const list = won.slice(0, 4).map((line) => h('li', { key: `${line.node} ${line.at}` }, h('span', { class: 'time' }, clock(line.at)), ' ', h('b', null, nameOf(cluster, line.node)),
    h('span', { class: `term-tag ${termClass(line.term)}` }, `t${line.term}`), h('span', { class: 'reason' }, named(cluster, reason(line)))));
  return panel({ id: 'elections', title: 'Elections', of: 'won in the last 15 minutes', endpoint: '/api/cluster/status', data: () => won, copy },
    h('div', { id: 'elections-box' }, width > 0 && marks({
      label: `${shown.length} elections in the last 15 minutes`, from, until: cluster.at, width,
      marks: shown.map((line) => ({ at: line.at, text: `${nameOf(cluster, line.node)} t${line.term}`, class: termClass(line.term) })),
    }), h('p', { class: 'scale' }, h('span', null, '15 min ago'), h('span', null, 'now'))),
    list.length > 0 ? h('ol', { class: 'won' }, list) : h('p', { class: 'quiet' }, 'None is remembered by the members that answer.'));
}

/** @param {Known} known @param {Cluster} cluster @param {Copy} copy @returns {VNode} */
export function eventsView(known, cluster, copy) {
  const lines = known.lines.slice(0, SHOWN);
  return panel({ id: 'events', title: 'Events', of: 'of all members, each by its own clock', endpoint: '/api/cluster/events', data: () => known.lines, copy },
    h('ol', { class: 'lines', tabindex: 0, 'aria-label': 'Events, the newest first' }, lines.map((line) => h('li', { key: `${line.node} ${line.at} ${line.number}`, class: line.topic },
      h('span', { class: 'time' }, clock(line.at)), h('b', null, nameOf(cluster, line.node)), h('span', { class: 'what' }, named(cluster, line.text))))));
}
