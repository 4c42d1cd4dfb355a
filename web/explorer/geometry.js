// Where things stand: numbers in, numbers out.
//
// It knows circles and lines, not what is drawn with them.

/**
 * @typedef {{x: number, y: number}} Point
 * @typedef {{x1: number, y1: number, x2: number, y2: number}} Line
 * @typedef {{width: number, height: number, r: number, room: number, centre: Point, places: Map<number, Point>}} Ring
 */

/** Opposite directions of a link stand so far apart. */
const LANE = 7;

/**
 * Places on an ellipse that fills the picture, the first at the top, the others clockwise.
 * @param {number[]} ids
 * @param {number} width
 * @param {number} height
 * @returns {Ring}
 */
export function ring(ids, width, height) {
  const r = Math.max(22, Math.min(42, Math.min(width, height) * 0.075, 300 / ids.length));
  const turns = ids.map((_, i) => (i / ids.length) * 2 * Math.PI - Math.PI / 2);
  // Three stand on no more than three quarters of an ellipse; what is above and below a node needs its room.
  const low = Math.max(0.5, ...turns.map(Math.sin));
  const ry = (height - 2 * (r + 38)) / (1 + low);
  const centre = { x: width / 2, y: r + 38 + ry };
  const rx = Math.min(width / 2 - r - 22, ry * 1.9);
  const places = new Map();
  ids.forEach((id, i) => places.set(id, { x: centre.x + rx * Math.cos(turns[i]), y: centre.y + ry * Math.sin(turns[i]) }));
  // So many letters fit below a node without touching its neighbours'.
  const room = Math.max(6, Math.min(18, Math.floor((2 * rx) / ids.length / 5.5)));
  return { width, height, r, room, centre, places };
}

/**
 * The way of messages from `a` to `b`: from edge to edge of their circles, to the right of the middle line.
 * @param {Point} a
 * @param {Point} b
 * @param {number} r
 * @returns {Line}
 */
export function lane(a, b, r) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const start = Math.min(r + 12, length * 0.36);
  const [sx, sy] = [-uy * LANE, ux * LANE];
  return {
    x1: a.x + ux * start + sx, y1: a.y + uy * start + sy,
    x2: b.x - ux * start + sx, y2: b.y - uy * start + sy,
  };
}

/** @param {Line} line @param {number} part 0 at its beginning, 1 at its end @returns {Point} */
export function along(line, part) {
  return { x: line.x1 + (line.x2 - line.x1) * part, y: line.y1 + (line.y2 - line.y1) * part };
}

/** How far a message has come: 0 to 1, of a lost one at most half the way. @param {import('../types.js').Flight} flight @param {number} t */
export function way(flight, t) {
  if (flight.lost_at !== undefined) return 0.5 * part(t, flight.sent, flight.lost_at);
  if (flight.arrives === undefined) return 0.5;
  return part(t, flight.sent, flight.arrives);
}

/** @param {number} t @param {number} from @param {number} until */
export function part(t, from, until) {
  return until <= from ? 1 : Math.min(1, Math.max(0, (t - from) / (until - from)));
}

/**
 * A piece of a circle around 0,0, clockwise from the top; parts of a whole turn.
 * @param {number} r
 * @param {number} from
 * @param {number} to
 */
export function arc(r, from, to) {
  if (to - from <= 0) return '';
  if (to - from >= 0.9999) return `M0 ${-r}A${r} ${r} 0 1 1 0 ${r}A${r} ${r} 0 1 1 0 ${-r}`;
  const point = (/** @type {number} */ turn) =>
    `${round(r * Math.sin(turn * 2 * Math.PI))} ${round(-r * Math.cos(turn * 2 * Math.PI))}`;
  return `M${point(from)}A${r} ${r} 0 ${to - from > 0.5 ? 1 : 0} 1 ${point(to)}`;
}

/** One digit behind the point is enough for a screen. @param {number} value */
export const round = (value) => Math.round(value * 10) / 10;

/** Whether two pieces of lines cross; a point on a line counts to one side of it. @param {Line} a @param {Line} b */
export function crosses(a, b) {
  const side = (/** @type {Line} */ l, /** @type {number} */ x, /** @type {number} */ y) =>
    (l.x2 - l.x1) * (y - l.y1) - (l.y2 - l.y1) * (x - l.x1) >= 0;
  return side(a, b.x1, b.y1) !== side(a, b.x2, b.y2) && side(b, a.x1, a.y1) !== side(b, a.x2, a.y2);
}

/** Whether a point lies within a closed line. @param {Point} p @param {Point[]} line */
export function within(p, line) {
  let inside = false;
  for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
    const [a, b] = [line[i], line[j]];
    if (a.y > p.y !== b.y > p.y && p.x < ((b.x - a.x) * (p.y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

/** Pairs of nodes whose link a stroke cuts. @param {Ring} ring @param {Line} stroke @returns {[number, number][]} */
export function cutBy(ring, stroke) {
  const ids = [...ring.places.keys()];
  /** @type {[number, number][]} */
  const cut = [];
  ids.forEach((a, i) => {
    for (const b of ids.slice(i + 1)) {
      const [p, q] = [/** @type {Point} */ (ring.places.get(a)), /** @type {Point} */ (ring.places.get(b))];
      if (crosses({ x1: p.x, y1: p.y, x2: q.x, y2: q.y }, stroke)) cut.push([a, b]);
    }
  });
  return cut;
}

/** The node whose circle holds a point. @param {Ring} ring @param {Point} p @returns {number | null} */
export function nodeAt(ring, p) {
  for (const [id, place] of ring.places) if (Math.hypot(place.x - p.x, place.y - p.y) <= ring.r + 6) return id;
  return null;
}

/**
 * Which columns of the logs fit: indexes from `first` on.
 * @param {number} last the greatest index that any log has
 * @param {number} width for the cells
 * @param {number} cell width of one
 * @param {number | null} wanted the index that the first column should have; null: as far to the right as useful
 */
export function columns(last, width, cell, wanted) {
  const count = Math.max(1, Math.floor(width / cell));
  const most = Math.max(1, last + 2 - count);
  return { first: Math.min(most, Math.max(1, wanted ?? most)), count };
}
