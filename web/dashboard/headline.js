// The first line: how the cluster is, whose view that is, and how old.
//
// The sentence is the server's. This room adds only what the page alone can know: that it hears nothing any more.

/** @import {VNode} from '../common/dom.js' */
/** @import {Known, Cluster, Row} from './feed.js' */
import { h } from '../common/dom.js';
import { lasting } from './words.js';

/** A page that heard nothing for so long says so. */
const STALE = 3500;

/** What is said on top, and how bad it is. @param {Known} known @param {number} now @returns {{state: string, sentence: string}} */
export function verdict(known, now) {
  const { cluster } = known;
  if (!cluster) {
    return known.lost
      ? { state: 'lost', sentence: 'This page gets no answer from its member. It goes on trying.' }
      : { state: 'opening', sentence: 'Asking the members …' };
  }
  const age = now - known.heard;
  if (now - Math.max(known.heard, known.opened) < STALE) return cluster.headline;
  const who = nameOf(cluster, cluster.viewer);
  return { state: 'lost', sentence: `${who} does not answer this page for ${lasting(age)}. What stands below is that old; try another member's page.` };
}

/** @param {Cluster} cluster @param {number} node */
export function nameOf(cluster, node) {
  return cluster.rows.find((row) => row.node === node)?.name || `n${node}`;
}

/** Where a member's own page is. @param {Row} row */
function pageOf(row) {
  return row.client_urls.find((url) => url.startsWith('http://') || url.startsWith('https://'))?.replace(/\/*$/, '/');
}

/** @param {Known} known @param {number} now @param {() => void} theme @returns {VNode} */
export function top(known, now, theme) {
  const { cluster } = known;
  const age = Math.max(0, now - known.heard);
  const live = age < STALE ? `live, ${(age / 1000).toFixed(1)} s ago` : `${lasting(age)} old`;
  const id = cluster?.rows.find((row) => row.view)?.view?.cluster;
  return h('header', { key: 'top', id: 'top' },
    h('h1', null, 'Raft cluster ', id && h('span', { class: 'mono quiet' }, id.slice(0, 8))),
    cluster && h('nav', { key: 'nav', class: 'views', 'aria-label': 'Whose view' }, h('span', { class: 'quiet' }, 'as seen by'), cluster.rows.map((row) => {
      const name = nameOf(cluster, row.node);
      if (row.node === cluster.viewer) return h('b', { key: row.node, class: 'here' }, name);
      const page = pageOf(row);
      return page ? h('a', { key: row.node, href: page, title: `the page of ${name}` }, name) : h('span', { key: row.node }, name);
    })),
    h('span', { class: 'space' }),
    cluster && h('span', { key: 'age', class: age < STALE ? 'age' : 'age old' }, live),
    h('button', { key: 'theme', class: 'small', onclick: theme, 'aria-label': 'Light or dark' }, '☾'));
}

/** @param {Known} known @param {number} now @returns {VNode} */
export function headlineView(known, now) {
  const { state, sentence } = verdict(known, now);
  const [first, ...rest] = split(sentence);
  return h('section', { key: 'headline', id: 'headline', class: state.replace(' ', '-'), 'aria-label': 'How the cluster is' },
    h('svg', { class: 'sign', width: 22, height: 22, viewBox: '0 0 22 22', 'aria-hidden': 'true' }, sign(state)),
    h('p', null, h('strong', null, first), rest.length > 0 && ' ', rest.join('')));
}

/** The first words, which are printed bold: up to the first point or colon. @param {string} sentence */
function split(sentence) {
  const end = sentence.search(/[:.](?= |$)/) + 1;
  return end > 0 ? [sentence.slice(0, end), sentence.slice(end).trim()] : [sentence];
}

/** A form beside the colour. @param {string} state */
function sign(state) {
  if (state === 'healthy') return [h('circle', { key: 'c', cx: 11, cy: 11, r: 9 }), h('path', { key: 'p', d: 'M6.5 11.5l3 3l6 -7' })];
  if (state === 'degraded') return [h('path', { key: 'c', class: 'ground', d: 'M11 2L20.5 19H1.5Z' }), h('path', { key: 'p', d: 'M11 8v5M11 15.5v1' })];
  if (state === 'opening') return [h('circle', { key: 'c', cx: 11, cy: 11, r: 9 })];
  return [h('rect', { key: 'c', x: 2, y: 2, width: 18, height: 18, rx: 3 }), h('path', { key: 'p', d: 'M7 7l8 8M15 7l-8 8' })];
}
