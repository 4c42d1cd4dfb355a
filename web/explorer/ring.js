// The cluster as a ring of nodes: roles as shapes, terms as colours with their numbers, timers as arcs, votes as pips, and
// in the middle who has what everybody waits for.
//
// It knows how a node looks. Where it stands, geometry says; what it is, the engine says.

/** @import {NodeView, Selection, World, Flight, LinkView} from '../types.js' */
/** @import {Ring} from './geometry.js' */
import { h, lazy } from '../common/dom.js';
import { flightView, fallen, onEnter, termClass } from './flights.js';
import { arc, lane, part, ring, round } from './geometry.js';
import { gauge } from './gauge.js';
import { clientChips } from './clients.js';
import { nodeName, nodeSentence, roleName, seats, short, voters } from './words.js';

const CROWN = 'M-8 5L-9.5 -4L-4.5 -0.5L0 -7L4.5 -0.5L9.5 -4L8 5Z';

/**
 * @typedef {object} RingScene
 * @property {World} world
 * @property {number} t
 * @property {number} patience the longest election timeout there is: a whole arc
 * @property {{width: number, height: number}} size
 * @property {Selection} selected
 * @property {number | null} other the node that was selected before
 * @property {{index: number, term: number} | null} entry whose holders are of interest
 * @property {number | undefined} busy the node of the newest event
 * @property {{flight: Flight, age: number, atNode: boolean}[]} fallen
 * @property {{x: number, y: number}[] | null} stroke what a person draws right now
 * @property {(selected: Selection) => void} select
 */

/** @param {RingScene} scene */
export function ringView(scene) {
  const { world, size, t } = scene;
  const ids = seats(world.nodes);
  const place = ring(ids, size.width, size.height);
  const chosen = scene.selected;
  return h('svg', {
    id: 'ring', viewBox: `0 0 ${size.width} ${size.height}`, role: 'group', 'aria-label': 'Cluster',
  },
  lazy('defs', hatches),
  lazy('gauge', gauge, world.nodes, scene.entry, place.centre.x, place.centre.y, place.r),
  lazy('links', linksView, world.links, ids.join(), [...world.nodes.keys()].join(), size.width, size.height, chosen, scene.other, scene.select),
  // Messages come out from behind a node, so that none hides a name.
  h('g', { key: 'flights' }, [...world.flights.values()].map((flight) =>
    flightView(place, flight, t, chosen?.kind === 'flight' && chosen.id === flight.id, scene.select))),
  h('g', { key: 'nodes' }, ids.map((id) => {
    const node = world.nodes.get(id);
    return node ? nodeView(scene, place, node) : toCome(place, id);
  })),
  clientChips(place, world.nodes, world.clients, t),
  h('g', { key: 'fallen' }, scene.fallen.map((one) => fallen(place, one.flight, one.age, one.atNode))),
  scene.stroke && h('polyline', { key: 'stroke', class: 'stroke', points: scene.stroke.map((p) => `${round(p.x)},${round(p.y)}`).join(' ') }));
}

function hatches() {
  return h('defs', null, h('pattern', { id: 'hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
    h('rect', { class: 'hatch-ground', width: 6, height: 6 }), h('line', { class: 'hatch-line', x1: 0, y1: 0, x2: 0, y2: 6 })));
}

/** Who is named in a configuration and has not started yet. @param {Ring} place @param {number} id */
function toCome(place, id) {
  const at = place.places.get(id) ?? place.centre;
  return h('g', { key: id, class: 'node term-none no-member', transform: `translate(${round(at.x)} ${round(at.y)})` },
    h('circle', { class: 'body', r: place.r }), h('text', { class: 'name', y: 2 }, nodeName(id)), place.r < 30 ? null : h('text', { class: 'term', y: 16 }, 'to come'));
}

/** @param {RingScene} scene @param {Ring} place @param {NodeView} node */
function nodeView(scene, place, node) {
  const at = place.places.get(node.id) ?? place.centre;
  const { selected, select } = scene;
  const isChosen = selected?.kind === 'node' && selected.id === node.id;
  const choose = () => select({ kind: 'node', id: node.id });
  const role = roleName(node);
  return h('g', {
    key: node.id,
    class: `node ${termClass(node.term)} ${role.replace(' ', '-')}${isChosen ? ' selected' : ''}${scene.busy === node.id ? ' busy' : ''}`,
    transform: `translate(${round(at.x)} ${round(at.y)})`, 'data-node': node.id, 'data-role': role,
  },
  h('circle', { class: 'halo', r: place.r + 12 }),
  timer(node, place.r + 7, scene.t, scene.patience),
  lazy('body', body, node, place.r, place.room),
  h('circle', {
    class: 'reach', r: place.r + 10, role: 'button', tabindex: 0, 'aria-label': nodeSentence(node), 'aria-pressed': isChosen,
    onclick: choose, onkeydown: onEnter(choose),
  }));
}

/** The patience that is left, emptying clockwise, so that the shortest arc stands first; of a leader ticks to its next heartbeat. @param {NodeView} node @param {number} r @param {number} t @param {number} patience */
function timer(node, r, t, patience) {
  if (!node.up || !node.timer) return null;
  const { from, until, kind } = node.timer;
  const passed = kind === 'election' ? part(t, until - Math.max(patience, until - from), until) : part(t, from, until);
  return h('g', { key: 'timer', class: `timer ${kind}` },
    h('circle', { class: 'rail', r }),
    h('path', { d: arc(r, passed, 1) }));
}

/** @param {NodeView} node @param {number} r @param {number} room */
function body(node, r, room) {
  const learner = node.member === 'learner';
  const outline = (/** @type {string} */ name, /** @type {number} */ size) => learner
    ? h('rect', { class: name, x: -size, y: -size, width: 2 * size, height: 2 * size, rx: 6 })
    : h('circle', { class: name, r: size });
  const small = r < 30;
  const counts = node.up && (node.role === 'candidate' || node.role === 'pre_candidate');
  const low = node.role === 'leader' && node.up ? 4 : counts ? -5 : 0;
  return h('g', { 'aria-hidden': 'true' },
    outline('body', learner ? r * 0.8 : r),
    node.up && node.role === 'leader' && outline('inner', r - 5),
    node.up && node.role === 'leader' && h('path', { class: 'crown', d: CROWN, transform: `translate(0 ${small ? -13 : -18}) scale(${small ? 0.75 : 1})` }),
    !node.up && h('path', { class: 'cross', d: `M${-r * 0.72} ${-r * 0.72}L${r * 0.72} ${r * 0.72}M${r * 0.72} ${-r * 0.72}L${-r * 0.72} ${r * 0.72}` }),
    h('text', { class: 'name', y: low + (small ? 3 : 2) }, nodeName(node.id)),
    h('text', { class: 'term', y: low + (small ? 14 : 17) }, small ? `t${node.term}` : `term ${node.term}`),
    counts && pips(node, r),
    lazy('kv', keyValues, node.kv, r, room));
}

/** Votes: one pip a voter, in the order of their numbers. @param {NodeView} node @param {number} r */
function pips(node, r) {
  const all = voters(node);
  const step = Math.min(10, (1.5 * r) / all.length);
  return h('g', { class: 'pips', transform: `translate(${round(-(step * (all.length - 1)) / 2)} ${round(r * 0.62)})` },
    all.map((id, i) => {
      const said = node.votes[id];
      return h('g', { class: said === true ? 'yes' : said === false ? 'no' : 'open', transform: `translate(${round(i * step)} 0)` },
        h('circle', { r: round(Math.min(4, step * 0.42)) }),
        said === false && h('path', { d: 'M-2.2 -2.2L2.2 2.2M2.2 -2.2L-2.2 2.2' }));
    }));
}

/** What its state machine holds, as far as there is room. @param {Record<string, string>} kv @param {number} r @param {number} room letters */
function keyValues(kv, r, room) {
  const all = Object.entries(kv);
  const shown = all.slice(0, 2).map(([key, value]) => `${key}=${value}`).join(' ');
  const text = short(shown, room) + (all.length > 2 ? ` +${all.length - 2}` : '');
  return h('text', { class: 'kv', y: r + (r < 30 ? 19 : 23) }, text);
}

/**
 * @param {LinkView[]} links
 * @param {string} seatList
 * @param {string} idList
 * @param {number} width
 * @param {number} height
 * @param {Selection} selected
 * @param {number | null} other
 * @param {(selected: Selection) => void} select
 */
function linksView(links, seatList, idList, width, height, selected, other, select) {
  const ids = idList.split(',').map(Number);
  const place = ring(seatList.split(',').map(Number), width, height);
  const down = new Map(links.map((link) => [`${link.from} ${link.to}`, link]));
  const pairs = ids.flatMap((a, i) => ids.slice(i + 1).map((b) => ({ a, b })));
  return h('g', null, pairs.map(({ a, b }) => {
    const there = down.get(`${a} ${b}`);
    const back = down.get(`${b} ${a}`);
    const isChosen = selected?.kind === 'link' ? selected.from + selected.to === a + b && [a, b].includes(selected.from)
      : selected?.kind === 'node' && other !== null && [a, b].includes(selected.id) && [a, b].includes(other);
    const choose = () => select({ kind: 'link', from: a, to: b });
    return h('g', {
      key: `${a} ${b}`, class: `link${there || back ? ' broken' : ''}${isChosen ? ' selected' : ''}`,
      role: 'button', tabindex: there || back ? 0 : -1, 'data-link': `${a} ${b}`, 'aria-label': linkSentence(a, b, there, back),
      onclick: choose, onkeydown: onEnter(choose),
    }, linkLines(place, a, b, there, back));
  }));
}

/** @param {number} a @param {number} b @param {LinkView | undefined} there @param {LinkView | undefined} back */
export function linkSentence(a, b, there, back) {
  const one = (/** @type {number} */ from, /** @type {number} */ to, /** @type {LinkView | undefined} */ link) => {
    if (!link) return '';
    return link.up ? `${link.lost.join(', ')} from ${nodeName(from)} to ${nodeName(to)} is lost` : `cut from ${nodeName(from)} to ${nodeName(to)}`;
  };
  const what = [one(a, b, there), one(b, a, back)].filter(Boolean).join('; ');
  return `Link between ${nodeName(a)} and ${nodeName(b)}${what ? ': ' + what : ', whole'}`;
}

/** @param {Ring} place @param {number} a @param {number} b @param {LinkView | undefined} there @param {LinkView | undefined} back */
function linkLines(place, a, b, there, back) {
  const [p, q] = [place.places.get(a), place.places.get(b)];
  if (!p || !q) return [];
  const middle = lane(p, q, place.r);
  const reach = h('line', { class: 'reach', x1: round(p.x), y1: round(p.y), x2: round(q.x), y2: round(q.y) });
  const both = there && back && !there.up && !back.up;
  if (both) return [reach, brokenLine({ x1: p.x, y1: p.y, x2: q.x, y2: q.y }, false, false)];
  return [reach,
    there && brokenLine(middle, true, there.up),
    back && brokenLine(lane(q, p, place.r), true, back.up)];
}

/** @param {import('./geometry.js').Line} line @param {boolean} arrow @param {boolean} partly */
function brokenLine(line, arrow, partly) {
  const [mx, my] = [(line.x1 + line.x2) / 2, (line.y1 + line.y2) / 2];
  const turn = (Math.atan2(line.y2 - line.y1, line.x2 - line.x1) * 180) / Math.PI;
  return h('g', { class: partly ? 'cut partly' : 'cut' },
    h('line', { x1: round(line.x1), y1: round(line.y1), x2: round(line.x2), y2: round(line.y2) }),
    h('g', { transform: `translate(${round(mx)} ${round(my)}) rotate(${round(turn)})` },
      h('circle', { class: 'gap', r: 8 }),
      h('path', { class: 'sign', d: arrow ? 'M-5 -5L3 0L-5 5M5 -6V6' : 'M-4.5 -4.5L4.5 4.5M4.5 -4.5L-4.5 4.5' })));
}
