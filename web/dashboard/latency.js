// How long commits take and where their time goes; how many there are.
//
// It knows what the leader measured. On who does not lead there is nothing to measure.

/** @import {VNode} from '../common/dom.js' */
/** @import {Known, Cluster, Point} from './feed.js' */
/** @import {Copy} from './panel.js' */
import { h } from '../common/dom.js';
import { curves, parts } from './chart.js';
import { leaderOf } from './feed.js';
import { nameOf } from './headline.js';
import { panel } from './panel.js';
import { grouped, lasting, took } from './words.js';

/** A quarter of an hour. */
export const SPAN = 900_000;

/** @param {Known} known @param {Cluster} cluster @param {Copy} copy @returns {VNode} */
export function latencyView(known, cluster, copy) {
  const leader = leaderOf(cluster);
  const recent = leader?.recent;
  const measured = recent && recent.total.p50 !== null;
  const data = () => ({ recent, slowest: cluster.slowest, points: known.points });
  return panel({ id: 'latency', title: 'Commit latency', of: leader && `at ${nameOf(cluster, leader.node)}, last 10 s`, endpoint: history(known), data, copy },
    measured ? [
      h('p', { key: 'figures', class: 'figures' }, figure('p50', took(recent.total.p50)), figure('p99', took(recent.total.p99)), figure('mean', took(recent.total.mean)), leader?.round_trip_us ? figure('round trip', took(leader.round_trip_us)) : null),
      split(recent),
      h('p', { key: 'slowest', class: 'slowest' }, cluster.slowest),
    ] : h('p', { key: 'none', class: 'quiet' }, leader ? 'Nothing was committed in the last seconds.' : 'Only a leader measures it, and nobody leads.'),
    curve(known, cluster, 'Commit latency over 15 minutes, p99 behind p50', [['p99', 'p99'], ['p50', 'p50']]));
}

/** @param {string} name @param {string} value */
const figure = (name, value) => h('span', { key: name, class: 'figure' }, h('span', { class: 'quiet' }, `${name} `), h('b', null, value));

/** @param {import('./feed.js').Recent} recent */
function split(recent) {
  const all = [['disk', recent.disk.mean], ['network', recent.network.mean], ['apply', recent.apply.mean]].map(([name, value]) => ({ name: String(name), value: Number(value ?? 0) }));
  const words = all.map((part) => `${part.name} ${took(part.value)}`).join(', ');
  return h('div', { key: 'split', class: 'split' }, parts(`On average a commit took: ${words}`, all),
    h('p', { class: 'legend' }, all.map((part) => h('span', { key: part.name, class: 'sample' }, h('svg', { width: 12, height: 12, 'aria-hidden': 'true' }, h('rect', { class: `part ${part.name}`, width: 12, height: 12, rx: 2 })), `${part.name} ${took(part.value)}`))));
}

/** @param {Known} known @param {Cluster} cluster @param {string} label @param {[string, keyof Point][]} lines */
function curve(known, cluster, label, lines) {
  const until = Math.max(cluster.at, known.points.at(-1)?.at ?? 0);
  const points = known.points.filter((point) => point.at >= until - SPAN);
  // A curve of nothing is none.
  if (points.length < 2 || !lines.some(([, key]) => points.some((point) => point[key] !== null))) return null;
  // A member that has just started fills the width, too.
  const from = Math.min(points[0].at, until - 60_000);
  const drawn = lines.map(([name, key]) => ({ name, values: points.map((point) => /** @type {[number, number | null]} */ ([point.at, point[key]])) }));
  return h('div', { key: 'curve', class: 'curve-box' }, curves({ label, from, until, height: 56, lines: drawn.reverse() }),
    h('p', { class: 'scale' }, h('span', null, `${lasting(until - from)} ago`),
      h('span', null, lines.length > 1 && [...lines].reverse().map(([name]) => [h('span', { key: name, class: name }, name), ' ']), `most ${most(drawn, lines[0][1])}`), h('span', null, 'now')));
}

/** @param {{values: [number, number | null][]}[]} lines @param {keyof Point} key */
function most(lines, key) {
  const value = Math.max(0, ...lines.flatMap((line) => line.values.map(([, one]) => one ?? 0)));
  return key === 'commits' ? `${grouped(value)}/s` : took(value);
}

/** @param {Known} known */
const history = (known) => `/api/cluster/history${known.pointsOf ? `?node=${known.pointsOf}` : ''}`;

/** @param {Known} known @param {Cluster} cluster @param {Copy} copy @returns {VNode} */
export function throughputView(known, cluster, copy) {
  const source = leaderOf(cluster) ?? cluster.rows.find((row) => row.node === cluster.viewer && !row.error)?.view;
  const rate = source && source.recent.seconds > 0 ? source.recent.commits / source.recent.seconds : null;
  const waiting = cluster.rows.reduce((sum, row) => sum + (row.error ? 0 : row.view?.waiting ?? 0), 0);
  return panel({ id: 'throughput', title: 'Throughput', of: source && `as ${nameOf(cluster, source.node)} counts, last 10 s`, endpoint: history(known), data: () => known.points, copy },
    h('p', { class: 'figures' }, figure('committed', rate === null ? '–' : `${rate < 10 ? rate.toFixed(1) : grouped(rate)} entries/s`), figure('waiting', `${grouped(waiting)} ${waiting === 1 ? 'request' : 'requests'}`)),
    curve(known, cluster, 'Committed entries a second over 15 minutes', [['commits', 'commits']]));
}
