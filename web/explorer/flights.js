// Messages on their way: each kind has a shape, its term a colour and a number.
//
// It knows how a message looks and where it is at a time, not what comes of it.

/** @import {Flight, Selection} from '../types.js' */
/** @import {Ring} from './geometry.js' */
import { h, lazy } from '../common/dom.js';
import { along, lane, round, way } from './geometry.js';
import { flightSentence, isHeartbeat, verdict } from './words.js';

const YES = 'M-3.5 0.5L-1 3L4 -3';
const NO = 'M-3 -3L3 3M3 -3L-3 3';
const BOLT = 'M2 -11L-6 2H-1L-3 11L6 -3H1Z';
/** So many entries of a message are drawn. */
const CELLS = 3;

/** A colour out of six; the number is always printed beside it. @param {number} term */
export const termClass = (term) => (term > 0 ? `term-${(term - 1) % 6}` : 'term-none');

/** @param {number} size @param {number} term @param {string} more */
function diamond(size, term, more) {
  return [
    h('path', { class: `shape ${more}`, d: `M0 ${-size}L${size} 0L0 ${size}L${-size} 0Z` }),
    h('text', { class: 'tiny', y: 3.5 }, term),
  ];
}

/** @param {Flight} flight */
function pill(flight) {
  const entries = flight.entries ?? [];
  const shown = entries.slice(0, CELLS);
  const width = shown.length * 15 + 13 + (entries.length > CELLS ? 16 : 0);
  return [
    h('rect', { class: 'shape pill', x: -width / 2, y: -10, width, height: 20, rx: 10 }),
    shown.map((entry, i) => h('g', { class: termClass(entry.term), transform: `translate(${-width / 2 + 14 + i * 15} 0)` },
      h('rect', { class: 'carried', x: -6.5, y: -6.5, width: 13, height: 13, rx: 2.5 }),
      h('text', { class: 'tiny', y: 3.5 }, entry.kind === 'configuration' ? '⚙' : entry.term))),
    entries.length > CELLS && h('text', { class: 'tiny outside', x: width / 2 - 14, y: 3.5 }, `+${entries.length - CELLS}`),
  ];
}

/** @param {Flight} flight */
function badge(flight) {
  return flight.term > 0 && h('text', { class: 'tiny outside', x: 13, y: -6 }, flight.term);
}

/** @param {Flight} flight */
function reply(flight) {
  const vote = flight.kind.includes('Vote');
  const yes = verdict(flight);
  return [
    vote ? h('path', { class: 'shape', d: 'M0 -9.5L9.5 0L0 9.5L-9.5 0Z' }) : h('circle', { class: 'shape', r: 7.5 }),
    h('path', { class: yes ? 'mark' : 'mark no', d: yes ? YES : NO }),
    badge(flight),
  ];
}

/** @param {Flight} flight */
function snapshot(flight) {
  return [
    [-4, 0, 4].map((dy) => h('rect', { class: 'shape', x: -10, y: dy - 5, width: 20, height: 10, rx: 2 })),
    h('text', { class: 'tiny', y: 7.5 }, flight.term || '▣'),
  ];
}

/** What is passed on for a client: its first letter. @param {Flight} flight */
function letter(flight) {
  return [
    h('rect', { class: 'shape passed', x: -7.5, y: -7.5, width: 15, height: 15, rx: 4 }),
    h('text', { class: 'tiny', y: 3.5 }, flight.kind[0]),
  ];
}

/** @param {Flight} flight */
export function shape(flight) {
  if (flight.kind === 'PreVote') return diamond(11, flight.term, 'hollow');
  if (flight.kind === 'RequestVote') return diamond(11, flight.term, '');
  if (isHeartbeat(flight)) return [h('circle', { class: 'shape hollow', r: 7.5 }), h('text', { class: 'tiny', y: 3.5 }, flight.term)];
  if (flight.kind === 'AppendEntries') return pill(flight);
  if (flight.kind === 'InstallSnapshot') return snapshot(flight);
  if (flight.kind === 'TimeoutNow') return [h('path', { class: 'shape', d: BOLT }), badge(flight)];
  return flight.kind.endsWith('Reply') ? reply(flight) : letter(flight);
}

/** Drawn once for all of its way. @param {Flight} flight */
const shapeOf = (flight) => h('g', { 'aria-hidden': 'true' }, shape(flight));

/**
 * @param {Ring} ring
 * @param {Flight} flight
 * @param {number} t
 * @param {boolean} selected
 * @param {(selected: Selection) => void} select
 */
export function flightView(ring, flight, t, selected, select) {
  const [from, to] = [ring.places.get(flight.from), ring.places.get(flight.to)];
  if (!from || !to) return null;
  const at = along(lane(from, to, ring.r), way(flight, t));
  const chosen = () => select({ kind: 'flight', id: flight.id });
  return h('g', {
    key: flight.id,
    class: `flight ${termClass(flight.term)}${selected ? ' selected' : ''}${flight.lost_at !== undefined ? ' doomed' : ''}`,
    transform: `translate(${round(at.x)} ${round(at.y)})`,
    'data-flight': flight.id,
    'data-kind': flight.kind,
  },
  lazy('shape', shapeOf, flight),
  h('circle', {
    class: 'reach', r: 15, role: 'button', tabindex: 0, 'aria-label': flightSentence(flight), 'aria-pressed': selected,
    onclick: chosen, onkeydown: onEnter(chosen),
  }));
}

/** Enter and Space press what is no button by birth. @param {() => void} action */
export function onEnter(action) {
  return (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    action();
  };
}

/** A message that was lost a moment ago falls. @param {Ring} ring @param {Flight} flight @param {number} age 0 to 1 @param {boolean} atNode */
export function fallen(ring, flight, age, atNode) {
  const [from, to] = [ring.places.get(flight.from), ring.places.get(flight.to)];
  if (!from || !to) return null;
  const at = along(lane(from, to, ring.r), atNode ? 1 : 0.5);
  return h('g', {
    key: `lost ${flight.id}`,
    class: 'fallen',
    opacity: round(1 - age * 0.8),
    transform: `translate(${round(at.x)} ${round(at.y + Math.min(1, age * 5) * 18)})`,
  }, h('path', { d: 'M-6 -6L6 6M6 -6L-6 6' }));
}
