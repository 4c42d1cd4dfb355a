// The middle of the ring: which majority an election or an entry waits for, one ring of pieces for each set of voters, so
// that a joint phase shows two.
//
// It counts what is shown elsewhere; who wins or what is committed, the engine says.

/** @import {NodeView} from '../types.js' */
import { h } from '../common/dom.js';
import { arc, round } from './geometry.js';
import { termClass } from './flights.js';
import { holds, leaderOf, nodeName, seats } from './words.js';
import { lastIndex, termAt } from './world.js';

/**
 * @typedef {{what: string, done: boolean | null, title: string, term: number, node: NodeView, has: (id: number) => boolean | undefined}} Subject
 */

/** @param {Map<number, NodeView>} nodes @param {{index: number, term: number} | null} entry @returns {Subject | null} */
export function subject(nodes, entry) {
  const leader = leaderOf(/** @type {any} */ ({ nodes }));
  const standing = [...nodes.values()].filter((node) => node.up && (node.role === 'candidate' || node.role === 'pre_candidate'))
    .sort((a, b) => b.term - a.term || Object.keys(b.votes).length - Object.keys(a.votes).length)[0];
  if (!entry && standing && (!leader || standing.term > leader.term)) {
    const asked = standing.role === 'candidate' ? 'votes' : 'pre-votes';
    return { what: `${asked} for`, done: null, title: nodeName(standing.id), term: standing.term, node: standing, has: (id) => standing.votes[id] };
  }
  const node = leader ?? [...nodes.values()].find((one) => one.up);
  const wanted = entry ?? (leader && newest(leader));
  if (!node || !wanted) return null;
  return {
    what: 'entry', done: node.commit >= wanted.index, title: `${wanted.index}@${wanted.term}`, term: wanted.term, node,
    has: (id) => {
      const one = nodes.get(id);
      return one && holds(one, wanted.index, wanted.term);
    },
  };
}

/** The first entry that a leader has not committed, or its last. @param {NodeView} leader */
function newest(leader) {
  const index = Math.min(leader.commit + 1, lastIndex(leader.log));
  const term = termAt(leader.log, index);
  return term === undefined || index === 0 ? null : { index, term };
}

/**
 * @param {Map<number, NodeView>} nodes
 * @param {{index: number, term: number} | null} entry
 * @param {number} x
 * @param {number} y
 * @param {number} size radius of a node
 */
export function gauge(nodes, entry, x, y, size) {
  const about = subject(nodes, entry);
  if (!about) return h('g', { class: 'gauge' });
  const { config } = about.node;
  const sets = config.new ? [config.old, config.new] : [config.old];
  const all = seats(nodes);
  const r = Math.max(33, size * 1.08);
  return h('g', { class: `gauge ${termClass(about.term)}`, transform: `translate(${round(x)} ${round(y)})` },
    sets.map((ids, i) => pieces(ids, about.has, r + i * 9, all)),
    h('text', { class: 'what', y: sets.length > 1 ? -17 : -12 }, about.what),
    h('text', { class: 'title', y: sets.length > 1 ? -4 : 3 }, about.title),
    sets.map((ids, i) => h('text', { class: 'count', y: (sets.length > 1 ? 9 : 18) + i * 13 }, tally(ids, about, sets.length > 1 ? i : -1))));
}

/** A majority of copies is not all that a commit takes, so an entry is ticked when its leader has committed it. @param {number[]} ids @param {Subject} about @param {number} which -1: the only one */
function tally(ids, about, which) {
  const count = ids.filter((id) => about.has(id) === true).length;
  const need = Math.floor(ids.length / 2) + 1;
  const done = about.done ?? count >= need ? ' ✓' : '';
  return which < 0 ? `${count} of ${ids.length}${done}` : `${which === 0 ? 'old' : 'new'} ${count}/${ids.length}${done}`;
}

/** A piece for each voter, on the side on which it stands. @param {number[]} ids @param {Subject['has']} has @param {number} r @param {number[]} all */
function pieces(ids, has, r, all) {
  const gap = all.length > 1 ? 0.012 : 0;
  return h('g', { class: 'pieces' }, ids.map((id) => ({ id, i: all.indexOf(id) })).map(({ id, i }) => h('path', {
    key: id,
    class: has(id) === true ? 'has' : has(id) === false ? 'lacks' : 'open',
    d: arc(r, (i - 0.5) / all.length + gap + (i === 0 ? 1 : 0), (i + 0.5) / all.length - gap + (i === 0 ? 1 : 0)),
  }, h('title', null, nodeName(id)))));
}
