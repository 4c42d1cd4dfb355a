// Worlds out of traces of the engine: what an event says replaces what was before, and nothing else changes.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Timeline, applied, lastIndex, termAt, withLog, worldOf } from '../explorer/world.js';

const FOLDER = fileURLToPath(new URL('fixtures/', import.meta.url));
const fixtures = readdirSync(FOLDER).map((name) => ({ name, ...JSON.parse(readFileSync(FOLDER + name, 'utf8')) }));

test('every flight that ends was on its way, and every log stays one', () => {
  assert.ok(fixtures.length >= 6);
  for (const { name, trace } of fixtures) {
    let world = worldOf(trace.world);
    for (const event of trace.events) {
      for (const gone of event.gone ?? []) {
        assert.ok(world.flights.has(gone.id) || event.sent?.some((/** @type {any} */ one) => one.id === gone.id), `${name}: message ${gone.id} at ${event.t}`);
      }
      world = applied(world, event);
      for (const node of world.nodes.values()) {
        assert.equal(node.log.terms.length, node.log.commands.length);
        assert.equal(node.log.terms.length, node.log.kinds.length);
        assert.ok(lastIndex(node.log) >= node.durable || !node.up, `${name}: n${node.id} has ${node.durable} on its disk at ${event.t}`);
      }
    }
  }
});

test('no event changes a world that was before it', () => {
  for (const { trace } of fixtures) {
    const timeline = new Timeline();
    timeline.add(trace);
    const text = () => JSON.stringify([...timeline.world(50).nodes.values(), ...timeline.world(50).flights.values()]);
    const before = text();
    timeline.world(trace.events.length);
    assert.equal(text(), before);
  }
});

test('of a long run only some worlds are kept, and the others are found again', () => {
  const { trace } = fixtures[0];
  const events = Array.from({ length: 20_000 }, (_, i) => ({ n: i + 1, t: i, kind: 'apply', text: 'x', nodes: [{ id: 1, applied: i + 1 }] }));
  const timeline = new Timeline();
  timeline.add({ ...trace, events });
  for (let i = 0; i <= 20_000; i++) assert.equal(timeline.world(i).nodes.get(1)?.applied, i || trace.world.nodes[0].applied);
  assert.ok(timeline.worlds.size <= 8192);
  for (const i of [19_999, 12_345, 777, 63, 64, 65, 5]) assert.equal(timeline.world(i).nodes.get(1)?.applied, i);
});

test('a log loses what is folded and what is deleted, and gains what is new', () => {
  const log = { first: 3, before: 1, terms: [1, 1, 2, 2], commands: ['a', 'b', 'c', 'd'], kinds: /** @type {any} */ (['command', 'command', 'command', 'command']) };
  const next = withLog(log, { first: 4, before: 1, keep: 5, terms: [3], commands: ['e'], kinds: ['noop'] });
  assert.deepEqual(next, { first: 4, before: 1, terms: [1, 2, 3], commands: ['b', 'c', 'e'], kinds: ['command', 'command', 'noop'] });
  assert.equal(termAt(next, 3), 1);
  assert.equal(termAt(next, 7), undefined);
  const reset = withLog(log, { first: 11, before: 4, keep: 10, terms: [], commands: [], kinds: [] });
  assert.deepEqual([reset.first, reset.terms.length, lastIndex(reset)], [11, 0, 10]);
});

test('windows join at their ends, in front too, and others are left out', () => {
  const { trace } = fixtures.find(({ name }) => name === 'election.json') ?? assert.fail();
  const middle = 600_000;
  const at = trace.events.findIndex((/** @type {any} */ event) => event.t > middle);
  const whole = new Timeline();
  whole.add(trace);
  const world = whole.world(at);
  const view = { nodes: [...world.nodes.values()], links: world.links, flights: [...world.flights.values()], clients: world.clients, checks: world.checks };
  const early = { ...trace, until: middle, events: trace.events.slice(0, at) };
  const late = { ...trace, from: middle, world: view, events: trace.events.slice(at) };
  const joined = new Timeline();
  joined.add(late);
  assert.equal(joined.add(early), at);
  assert.equal(joined.add({ ...late, from: 5 }), 0);
  assert.equal(joined.events.length, trace.events.length);
  assert.deepEqual(joined.world(trace.events.length), whole.world(trace.events.length));
  assert.deepEqual(joined.upTo(middle + 1).events, early.events);
  assert.deepEqual(joined.upTo(middle).windows, []);
});

test('a timeline that knows nothing yet has no world, and does not look for one for ever', () => {
  assert.equal(new Timeline().world(0), undefined);
});
