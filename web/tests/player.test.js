// The cursor: forward and back is where it was, it stops where it should, and it says what it lacks.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Player, SPEEDS, speedText } from '../explorer/player.js';
import { Timeline } from '../explorer/world.js';

const { trace } = JSON.parse(readFileSync(new URL('fixtures/election.json', import.meta.url), 'utf8'));

/** @param {any} [more] */
function playerOf(more = {}) {
  const timeline = new Timeline();
  timeline.add({ ...trace, ...more });
  return new Player(timeline);
}
const place = (/** @type {Player} */ player) => JSON.stringify([player.at, player.t, [...player.world.nodes.values()], [...player.world.flights.values()]]);

test('so many steps forward and as many back are where they began, everywhere', () => {
  const player = playerOf();
  player.forward();
  const seen = [place(player)];
  for (let i = 0; i < 300; i++) {
    player.forward();
    seen.push(place(player));
  }
  for (let i = seen.length - 2; i >= 0; i--) {
    player.back();
    assert.equal(place(player), seen[i]);
  }
});

test('a step leads to the next event that has words, behind all of its changes', () => {
  const player = playerOf();
  player.forward();
  assert.notEqual(player.event?.text, '');
  player.forward((event) => event.kind === 'leader');
  assert.equal(player.event?.kind, 'leader');
  const leader = [...player.world.nodes.values()].find((node) => node.role === 'leader');
  assert.equal(leader?.id, player.event?.node);
  player.back((event) => event.kind === 'candidate');
  assert.equal(player.event?.kind, 'candidate');
});

test('between two events the first step back leads to the one that happened last', () => {
  const player = playerOf();
  player.forward((event) => event.kind === 'leader');
  const { at, t } = player;
  const next = player.timeline.events[at].t;
  assert.ok(next > t + 1);
  player.seek(t + 1);
  player.back();
  assert.deepEqual([player.at, player.t], [at, t]);
});

test('the beginning is when all have started', () => {
  const player = playerOf();
  player.seek(500_000);
  player.begin(20_000);
  assert.ok(player.t > 0 && player.t < 20_000);
  assert.ok([...player.world.nodes.values()].every((node) => node.up && node.timer));
  player.begin(10);
  assert.deepEqual([player.t, player.at], [0, 0]);
});

test('seeking and stepping to the same moment shows the same', () => {
  const [a, b] = [playerOf(), playerOf()];
  a.seek(400_000);
  b.seek(900_000);
  b.seek(400_000);
  assert.equal(place(a), place(b));
  a.seekEvent(trace.events[77].n);
  assert.equal(a.at, 78);
});

test('playing moves time by the speed, and stops at the end', () => {
  const player = playerOf({ end: trace.until });
  player.speedStep = SPEEDS.indexOf(0.1);
  player.play(true);
  player.tick(100);
  assert.equal(player.t, 10_000);
  assert.equal(player.at, player.timeline.countAt(10_000));
  player.speedStep = SPEEDS.length - 1;
  for (let i = 0; i < 10; i++) player.tick(100);
  assert.deepEqual([player.t, player.playing], [trace.until, false]);
});

test('where motion is not wanted, playing jumps from event to event, in the same time', () => {
  const [smooth, jumping] = [playerOf(), playerOf()];
  jumping.jumps = true;
  for (const player of [smooth, jumping]) {
    player.play(true);
    for (let i = 0; i < 500; i++) player.tick(16);
  }
  assert.equal(jumping.at, smooth.at);
  assert.equal(jumping.t, trace.events[jumping.at - 1].t);
});

test('who stops between two microseconds stands on the one before', () => {
  const player = playerOf();
  player.play(true);
  player.tick(16.7);
  player.tick(33.33);
  assert.ok(player.t % 1 !== 0);
  const { at } = player;
  player.play(false);
  assert.deepEqual([player.t % 1, player.at, player.timeline.countAt(player.t)], [0, at, at]);
});

test('playing to a time stops right there, soon', () => {
  const player = playerOf();
  player.playTo(1_234_567);
  let frames = 0;
  while (player.playing && frames < 1000) {
    player.tick(16);
    frames++;
  }
  assert.deepEqual([player.t, player.at], [1_234_567, player.timeline.countAt(1_234_567)]);
  assert.ok(frames > 200 && frames < 260, `${frames} frames`);
});

test('a step behind the last known event waits for more, and goes on when it comes', () => {
  const first = { ...trace, until: 300_000, events: trace.events.filter((/** @type {any} */ event) => event.t <= 300_000) };
  const timeline = new Timeline();
  timeline.add(first);
  const player = new Player(timeline);
  player.seek(300_000);
  player.forward();
  assert.ok(player.waits && player.wanted > 300_000);
  const rest = { ...trace, from: 300_000, events: trace.events.slice(first.events.length) };
  player.grew(timeline.add(rest));
  assert.deepEqual([player.waits, player.at > first.events.length], [null, true]);
});

test('speeds go from a thousandth to ten, and read well', () => {
  assert.deepEqual([SPEEDS[0], SPEEDS.at(-1)], [0.001, 10]);
  assert.deepEqual([0.001, 0.02, 1, 10].map(speedText), ['1/1000×', '1/50×', '1×', '10×']);
});
