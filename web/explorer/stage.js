// What a hand draws on the ring: a stroke across links cuts them, one from server to server cuts that direction, a closed
// line parts those within from the rest.
//
// It knows lines; the acts that come of them are handed on.

/** @import {World} from '../types.js' */
/** @import {Point} from './geometry.js' */
import { acts, toggleDirection, toggleLink } from './acts.js';
import { cutBy, nodeAt, ring, within } from './geometry.js';
import { seats } from './words.js';

/** Shorter ones are clicks. */
const STROKE_MIN = 10;

/**
 * What a line means, as acts; none for one that means nothing.
 * @param {World} world
 * @param {{width: number, height: number}} size
 * @param {Point[]} line
 * @returns {any[]}
 */
export function meaning(world, size, line) {
  const place = ring(seats(world.nodes), size.width, size.height);
  for (const id of place.places.keys()) if (!world.nodes.has(id)) place.places.delete(id);
  const [start, end] = [line[0], /** @type {Point} */ (line.at(-1))];
  const [from, to] = [nodeAt(place, start), nodeAt(place, end)];
  if (from !== null && to !== null && from !== to) return [toggleDirection(world, from, to)];
  if (from !== null) return [];
  const inside = [...place.places].filter(([, point]) => within(point, line)).map(([id]) => id);
  const closed = Math.hypot(end.x - start.x, end.y - start.y) < Math.max(60, length(line) / 5);
  if (closed && inside.length > 0 && inside.length < place.places.size) {
    return [acts.partition([inside, [...place.places.keys()].filter((id) => !inside.includes(id))])];
  }
  const cut = new Map(line.slice(1).flatMap((p, i) =>
    cutBy(place, { x1: line[i].x, y1: line[i].y, x2: p.x, y2: p.y }).map(([a, b]) => [`${a} ${b}`, [a, b]])));
  return [...cut.values()].flatMap(([a, b]) => toggleLink(world, a, b));
}

/** @param {Point[]} line */
function length(line) {
  return line.slice(1).reduce((sum, p, i) => sum + Math.hypot(p.x - line[i].x, p.y - line[i].y), 0);
}

/**
 * Listeners for the ring's element. Fingers scroll the page, so they draw nothing.
 * @param {(line: Point[] | null) => void} drawing shows the line so far
 * @param {(line: Point[]) => void} drawn
 */
export function pen(drawing, drawn) {
  /** @type {Point[] | null} */
  let line = null;
  const point = (/** @type {any} */ event) => {
    const box = event.currentTarget.querySelector('#ring')?.getBoundingClientRect() ?? event.currentTarget.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  return {
    onpointerdown: (/** @type {any} */ event) => {
      if (event.button === 0 && event.pointerType !== 'touch') line = [point(event)];
    },
    onpointermove: (/** @type {any} */ event) => {
      if (!line) return;
      const [p, last] = [point(event), /** @type {Point} */ (line.at(-1))];
      if (Math.hypot(p.x - last.x, p.y - last.y) < 5) return;
      line.push(p);
      if (length(line) < STROKE_MIN) return;
      if (!event.currentTarget.hasPointerCapture(event.pointerId)) event.currentTarget.setPointerCapture(event.pointerId);
      drawing(line.slice());
    },
    onpointerup: () => {
      const whole = line;
      line = null;
      drawing(null);
      if (whole && length(whole) >= STROKE_MIN) drawn(whole);
    },
    onpointercancel: () => {
      line = null;
      drawing(null);
    },
  };
}
