// What a person does becomes steps of the run, at the right place, in the words of run files.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { acts, againOf, crashOrRestart, namedCommand, stepText, toggleDirection, toggleLink, wishOf, withActs } from '../explorer/acts.js';
import { meaning } from '../explorer/stage.js';
import { ring } from '../explorer/geometry.js';
import { readRun, runText } from '../explorer/script.js';
import { worldOf } from '../explorer/world.js';
import { made, RUN } from './made.js';

const world = { ...worldOf(made().trace.world), links: [{ from: 1, to: 5, up: false, lost: [] }] };
const script = [{ at: 100, act: acts.crash(1) }, { at: 500, act: acts.heal() }, { at: 900, act: acts.restart(1) }];

test('an act comes right behind the moment, and what was planned later is cut off', () => {
  const { run, at } = withActs({ ...RUN, script }, 500.7, [acts.crash(2), acts.crash(3)]);
  assert.equal(at, 501);
  assert.deepEqual(run.script, [...script.slice(0, 2), { at: 501, act: { Crash: { n: 2 } } }, { at: 501, act: { Crash: { n: 3 } } }]);
  assert.equal(script.length, 3);
});

test('acts at the same moment keep their order', () => {
  const first = withActs({ ...RUN, script: [] }, 10, [acts.crash(1)]);
  assert.deepEqual(withActs(first.run, 10, [acts.crash(2)]).run.script.map((step) => step.act.Crash.n), [1, 2]);
});

test('a named command opens a session first, and a copy of it is the same', () => {
  const put = { Put: { key: 'x', value: '1' } };
  const first = withActs({ ...RUN, script: [] }, 10, namedCommand([], put, 2)).run;
  assert.deepEqual(first.script.map((step) => [step.at, Object.keys(step.act.Client.op)[0]]), [[11, 'Open'], [150_011, 'Once']]);
  const second = withActs(first, 200_000, namedCommand(first.script, put, 0)).run;
  assert.deepEqual(second.script.map((step) => step.act.Client.op.Once?.sequence), [undefined, 1, 2]);
  /** @type {any} */
  const request = { request: 2, asks: 'put x 1, as command 1 of a session' };
  assert.deepEqual(againOf(second, request), { op: first.script[1].act.Client.op });
  assert.deepEqual(againOf({ ...second, clients: { count: 2 } }, { ...request, asks: 'get y' }), { op: { Get: { key: 'y' } } });
});

test('what is down is started, what is cut is mended', () => {
  assert.deepEqual(crashOrRestart(world, 2), { Crash: { n: 2 } });
  assert.deepEqual(toggleLink(world, 2, 3), [{ Cut: { from: 2, to: 3 } }, { Cut: { from: 3, to: 2 } }]);
  assert.deepEqual(toggleLink(world, 5, 1), [{ Join: { from: 5, to: 1 } }, { Join: { from: 1, to: 5 } }]);
  assert.deepEqual(toggleDirection(world, 1, 5), { Join: { from: 1, to: 5 } });
  assert.deepEqual(toggleDirection(world, 5, 1), { Cut: { from: 5, to: 1 } });
});

test('people write requests in several ways, and others are refused with what can be written', () => {
  /** @type {[string, any][]} */
  const good = [
    ['x=3', { Put: { key: 'x', value: '3' } }], ['SET X = a b', { Put: { key: 'X', value: 'a b' } }], ['put x 4', { Put: { key: 'x', value: '4' } }],
    ['get x', { Get: { key: 'x' } }], ['delete x', { Delete: { key: 'x' } }], ['cas x 3 4', { Cas: { key: 'x', from: '3', to: '4' } }],
  ];
  for (const [text, op] of good) assert.deepEqual(wishOf(text), { op }, text);
  for (const bad of ['', 'x', 'get', 'get x y', 'cas x 3', 'drop tables', `x=${'a'.repeat(300)}`]) assert.ok('error' in wishOf(bad), bad);
});

test('lines on the ring: from server to server, across links, around servers', () => {
  const size = { width: 588, height: 560 };
  const place = ring([1, 2, 3, 4, 5], 588, 560);
  const at = (/** @type {number} */ id) => place.places.get(id) ?? assert.fail();
  assert.deepEqual(meaning(world, size, [at(2), at(3)]), [{ Cut: { from: 2, to: 3 } }]);
  assert.deepEqual(meaning(world, size, [at(1), at(5)]), [{ Join: { from: 1, to: 5 } }]);
  const middle = { x: (at(1).x + at(2).x) / 2, y: (at(1).y + at(2).y) / 2 };
  const across = [{ x: middle.x - 40, y: middle.y + 40 }, middle, { x: middle.x + 40, y: middle.y - 40 }];
  assert.deepEqual(meaning(world, size, across), toggleLink(world, 1, 2));
  const { x, y } = at(3);
  const around = [[-60, -60], [60, -60], [60, 60], [-60, 60], [-55, -55]].map(([dx, dy]) => ({ x: x + dx, y: y + dy }));
  assert.deepEqual(meaning(world, size, around), [{ Partition: { groups: [[3], [1, 2, 4, 5]] } }]);
  assert.deepEqual(meaning(world, size, [at(2), middle]), []);
});

test('a run as text comes back, and a mistake has its line', () => {
  const run = { ...RUN, script };
  assert.deepEqual(readRun(runText(run)), { run });
  assert.deepEqual(readRun(runText({ ...RUN, script: [] })), { run: { ...RUN, script: [] } });
  const lines = runText(run).split('\n');
  const at = lines.findIndex((line) => line.includes('Heal'));
  lines[at] = lines[at].replace('"act":', '"act" ');
  const wrong = readRun(lines.join('\n'));
  assert.ok('error' in wrong && wrong.error.startsWith(`Line ${at + 1}:`), JSON.stringify(wrong));
  assert.ok('error' in readRun('[]') && 'error' in readRun('{}'));
});

test('steps read as words', () => {
  assert.deepEqual([acts.crash(2), acts.cut(1, 3), acts.heal(), acts.partition([[1, 2], [3]]), acts.client({ Put: { key: 'x', value: '3' } })]
    .map((act) => stepText({ at: 0, act })), ['crash n2', 'cut n1 → n3', 'heal', 'partition 1 2 | 3', 'a client asks the leader: x=3']);
});
