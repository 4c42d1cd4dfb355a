// Worlds out of a trace: an event makes of a world the next one, and nothing is ever changed in place, so that going
// back is taking the world before.
//
// It knows how changes are written down, not what they mean.

/** @import {Trace, Event, World, WorldView, NodeView, NodeDelta, LogView, LogDelta, ClientView} from '../types.js' */

/** So many requests of clients are kept, as the engine does; what waits always. */
const CLIENTS_KEPT = 24;
/** So many worlds are kept, and at least one of so many events. */
const [WORLDS_MAX, STRIDE] = [8192, 64];

/** @param {WorldView} view @returns {World} */
export function worldOf(view) {
  return {
    nodes: new Map(view.nodes.map((node) => [node.id, node])),
    links: view.links,
    flights: new Map(view.flights.map((flight) => [flight.id, flight])),
    clients: view.clients,
    checks: view.checks,
  };
}

/** @param {World} world @param {Event} event @returns {World} */
export function applied(world, event) {
  const { nodes, flights, clients } = world;
  return {
    nodes: event.nodes?.length ? withNodes(nodes, event.nodes) : nodes,
    links: event.links ?? world.links,
    flights: event.sent?.length || event.gone?.length ? withFlights(flights, event) : flights,
    clients: event.clients?.length ? withClients(clients, event.clients) : clients,
    checks: event.checks ?? world.checks,
  };
}

/** @param {Map<number, NodeView>} nodes @param {NodeDelta[]} deltas */
function withNodes(nodes, deltas) {
  const next = new Map(nodes);
  for (const delta of deltas) {
    const before = next.get(delta.id) ?? blank(delta.id);
    const { log, ...values } = delta;
    next.set(delta.id, { ...before, ...values, log: log ? withLog(before.log, log) : before.log });
  }
  return nodes.size === next.size ? next : new Map([...next].sort(([a], [b]) => a - b));
}

/** A node of which nothing was said before: what its first change does not name is like this. @param {number} id @returns {NodeView} */
function blank(id) {
  return {
    id, up: false, life: 0, member: 'outside', role: 'follower', term: 0, vote: null, leader: null, timer: null,
    log: { first: 1, before: 0, terms: [], commands: [], kinds: [] }, durable: 0, commit: 0, applied: 0, snapshot: 0,
    config: { index: 0, old: [], new: null, learners: [], wanted: [] }, peers: {}, votes: {}, transfer: null, kv: {},
  };
}

/**
 * Entries before `first` go, those up to `keep` stay, new ones come behind them.
 * @param {LogView} log
 * @param {LogDelta} delta
 * @returns {LogView}
 */
export function withLog(log, delta) {
  const from = Math.max(0, delta.first - log.first);
  const to = Math.max(from, delta.keep - log.first + 1);
  return {
    first: delta.first,
    before: delta.before,
    terms: log.terms.slice(from, to).concat(delta.terms),
    commands: log.commands.slice(from, to).concat(delta.commands),
    kinds: log.kinds.slice(from, to).concat(delta.kinds),
  };
}

/** @param {World['flights']} flights @param {Event} event */
function withFlights(flights, event) {
  const next = new Map(flights);
  for (const gone of event.gone ?? []) next.delete(gone.id);
  for (const flight of event.sent ?? []) next.set(flight.id, flight);
  return next;
}

/** @param {ClientView[]} clients @param {ClientView[]} changed */
function withClients(clients, changed) {
  const byRequest = new Map(clients.map((one) => [one.request, one]));
  for (const one of changed) byRequest.set(one.request, one);
  const all = [...byRequest.values()].sort((a, b) => a.request - b.request);
  const done = all.filter((one) => one.state !== 'waiting').slice(-CLIENTS_KEPT);
  return all.filter((one) => one.state === 'waiting' || done.includes(one));
}

/** The last index of a log; what is before its first for an empty one. @param {LogView} log */
export const lastIndex = (log) => log.first + log.terms.length - 1;

/** The term of an entry; undefined where a log does not have it. @param {LogView} log @param {number} index */
export function termAt(log, index) {
  return index === log.first - 1 ? log.before : log.terms[index - log.first];
}

/**
 * The windows of one run, put together: events in their order, and a world before and after each.
 */
export class Timeline {
  constructor() {
    /** @type {Trace[]} */
    this.windows = [];
    /** @type {Event[]} */
    this.events = [];
    /** Worlds by how many events have happened: all that were asked for lately, of others each so-many-th. @type {Map<number, World>} */
    this.worlds = new Map();
    this.until = 0;
    this.end = Infinity;
  }

  /**
   * Takes a window that joins those that are here, behind or before them, and says how many events came before the others.
   * One that does not join is left out.
   * @param {Trace} trace
   */
  add(trace) {
    const first = this.windows.length === 0;
    if (!first && trace.until === this.from) return this.addBefore(trace);
    if (!first && trace.from !== this.until) return 0;
    if (first) this.worlds = new Map([[0, worldOf(trace.world)]]);
    this.windows.push(trace);
    for (const event of trace.events) this.events.push(event);
    this.until = trace.until;
    this.end = trace.end;
    return 0;
  }

  /** @param {Trace} trace */
  addBefore(trace) {
    this.windows.unshift(trace);
    this.events = [...trace.events, ...this.events];
    this.worlds = new Map([[0, worldOf(trace.world)]]);
    return trace.events.length;
  }

  get from() {
    return this.windows[0]?.from ?? 0;
  }

  /** Nothing more will come. */
  get complete() {
    return this.windows.length > 0 && this.until >= this.end;
  }

  /** The world after the first `count` events; worlds on the way are kept. @param {number} count @returns {World} */
  world(count) {
    let at = count;
    while (at > 0 && !this.worlds.has(at)) at--;
    let world = /** @type {World} */ (this.worlds.get(at));
    while (at < count) {
      world = applied(world, this.events[at++]);
      this.worlds.set(at, world);
    }
    if (this.worlds.size > WORLDS_MAX) this.forget(count);
    return world;
  }

  /** Of worlds that are far away only some stay, from which the others are found again. @param {number} here */
  forget(here) {
    for (const at of this.worlds.keys()) if (at % STRIDE !== 0 && Math.abs(at - here) > WORLDS_MAX / 8) this.worlds.delete(at);
  }

  /** How many events happened at or before `t`. @param {number} t */
  countAt(t) {
    let [low, high] = [0, this.events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.events[middle].t <= t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The windows that end before `t`: what a run that differs from then on has in common with this one. @param {number} t */
  upTo(t) {
    const common = new Timeline();
    for (const trace of this.windows) if (trace.until < t) common.add(trace);
    common.end = Infinity;
    return common;
  }

  /** The digest of the window that holds `t`. @param {number} t */
  digestAt(t) {
    return this.windows.find((trace) => t <= trace.until)?.digest ?? '';
  }
}
