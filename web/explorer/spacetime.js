// The same run as lines in space and time: a row a server, messages as slanted lines from when they were sent to when they
// arrive.
//
// It knows times and rows. Which events there are, the trace says.

/** @import {Event, Flight, NodeView, Selection} from '../types.js' */
/** @import {Player} from './player.js' */
import { h } from '../common/dom.js';
import { onEnter, termClass } from './flights.js';
import { round } from './geometry.js';
import { flightSentence, isHeartbeat, nodeName } from './words.js';

/** So much of the world's time is seen at once, in microseconds, and so much of it lies before the cursor. */
const SPAN = 160_000;
const BEFORE = 0.65;
const LABEL = 44;

/**
 * @typedef {object} SpacetimeScene
 * @property {Player} player
 * @property {{width: number, height: number}} size
 * @property {Selection} selected
 * @property {(selected: Selection) => void} select
 * @property {(n: number) => void} seekEvent
 */

/** @param {SpacetimeScene} scene */
export function spacetimeView(scene) {
  const { player, size } = scene;
  const { timeline, t } = player;
  const from = Math.max(timeline.from, t - SPAN * BEFORE);
  const until = from + SPAN;
  const [first, last] = [timeline.countAt(from), timeline.countAt(until)];
  const start = timeline.world(first);
  const ids = [...timeline.world(last).nodes.keys()];
  const x = (/** @type {number} */ time) => round(LABEL + ((time - from) / SPAN) * (size.width - LABEL - 8));
  const gap = (size.height - 70) / Math.max(1, ids.length - 1);
  const y = (/** @type {number} */ id) => round(36 + Math.max(0, ids.indexOf(id)) * Math.min(gap, 110));
  const events = timeline.events.slice(first, last);
  const flights = [...start.flights.values(), ...events.flatMap((event) => event.sent ?? [])];
  return h('svg', { id: 'spacetime', viewBox: `0 0 ${size.width} ${size.height}`, role: 'group', 'aria-label': 'Messages in space and time' },
    grid(from, until, x, size.height),
    ids.map((id) => h('g', { key: `row ${id}` }, lifeLine(id, first, last, timeline, from, until, x, y(id)))),
    [...new Map(flights.map((flight) => [flight.id, flight])).values()].map((flight) => wayView(flight, t, until, x, y, scene)),
    events.map((event) => event.node !== undefined && dot(event, x(event.t), y(event.node), event === player.event, scene.seekEvent)),
    h('g', { key: 'names' }, h('rect', { class: 'margin', width: LABEL - 4, height: size.height - 20 }),
      ids.map((id) => h('text', { key: id, class: 'name', x: 8, y: y(id) + 5 }, nodeName(id)))),
    h('line', { key: 'now', class: 'now', x1: x(t), x2: x(t), y1: 16, y2: size.height - 20 }));
}

/** @param {number} from @param {number} until @param {(t: number) => number} x @param {number} height */
function grid(from, until, x, height) {
  const step = 20_000;
  const lines = [];
  for (let t = Math.ceil(from / step) * step; t < until; t += step) lines.push(t);
  return h('g', { key: 'grid', class: 'grid' }, lines.map((t) => h('g', { key: t },
    h('line', { x1: x(t), x2: x(t), y1: 16, y2: height - 20 }), h('text', { x: x(t), y: height - 6 }, `${t / 1000} ms`))));
}

/** Pieces of a node's life, each in one term and role. @param {number} id @param {number} first @param {number} last @param {any} timeline @param {number} from @param {number} until @param {(t: number) => number} x @param {number} y */
function lifeLine(id, first, last, timeline, from, until, x, y) {
  /** @type {{t: number, node: NodeView}[]} */
  const pieces = [];
  for (let i = first; i <= last; i++) {
    const node = timeline.world(i).nodes.get(id);
    const before = pieces.at(-1)?.node;
    if (!node || (before && before.term === node.term && before.role === node.role && before.up === node.up)) continue;
    pieces.push({ t: i === first ? from : timeline.events[i - 1].t, node });
  }
  return pieces.map(({ t, node }, i) => h('line', {
    key: i, class: `life ${termClass(node.term)} ${node.up ? node.role : 'down'}`, x1: x(t), x2: x(pieces[i + 1]?.t ?? until), y1: y, y2: y,
  }));
}

/** @param {Flight} flight @param {number} t @param {number} until @param {(t: number) => number} x @param {(id: number) => number} y @param {SpacetimeScene} scene */
function wayView(flight, t, until, x, y, scene) {
  const end = flight.lost_at ?? flight.arrives ?? until;
  const lost = flight.lost_at !== undefined;
  const [x1, y1] = [x(flight.sent), y(flight.from)];
  const [x2, y2] = lost ? [x(end), (y1 + y(flight.to)) / 2] : [x(end), y(flight.to)];
  const choose = () => scene.select({ kind: 'flight', id: flight.id });
  const chosen = scene.selected?.kind === 'flight' && scene.selected.id === flight.id;
  return h('g', {
    key: `way ${flight.id}`, role: 'button', tabindex: 0, 'aria-label': flightSentence(flight), onclick: choose, onkeydown: onEnter(choose),
    class: `way ${termClass(flight.term)}${isHeartbeat(flight) ? ' heartbeat' : ''}${flight.kind.endsWith('Reply') ? ' reply' : ''}${chosen ? ' selected' : ''}${flight.sent > t ? ' coming' : ''}`,
  },
  h('line', { class: 'reach', x1, y1, x2, y2 }), h('line', { class: 'ink', x1, y1, x2, y2 }),
  lost && h('path', { class: 'cross', d: 'M-4 -4L4 4M4 -4L-4 4', transform: `translate(${x2} ${y2})` }));
}

/** @param {Event} event @param {number} x @param {number} y @param {boolean} now @param {(n: number) => void} seekEvent */
function dot(event, x, y, now, seekEvent) {
  return h('circle', {
    key: `event ${event.n}`, class: `dot ${event.kind}${now ? ' now' : ''}`, cx: x, cy: y, r: now ? 6 : event.why ? 4 : 3,
    onclick: () => seekEvent(event.n),
  }, h('title', null, event.text));
}
