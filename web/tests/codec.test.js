// Links say exactly one run and one moment, and a broken one says so.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { digest, fromFragment, pack, seconds, toFragment, unpack } from '../common/codec.js';
import { RUN } from './made.js';

test('a run comes back from a link as it was', async () => {
  const run = { ...RUN, seed: 12345, script: [{ at: 1_000_001, act: { Client: { to: 0, op: { Put: { key: 'ключ', value: '→ "x" & #' } } } } }] };
  const link = await toFragment({ run, t: 2_400_007, n: 77 });
  assert.match(link, /^#r=[\w-]+&t=2\.400007&n=77$/);
  assert.deepEqual(await fromFragment(link), { run, t: 2_400_007, n: 77 });
});

test('a story is named, not spelled out', async () => {
  assert.equal(await toFragment({ story: 'figure-8', t: 2_400_000 }), '#s=figure-8&t=2.400');
  assert.deepEqual(await fromFragment('#s=figure-8&t=2.4'), { story: 'figure-8', t: 2_400_000 });
  assert.equal(await fromFragment(''), null);
  assert.equal(await fromFragment('#'), null);
  await assert.rejects(fromFragment('#elsewhere'), /names no story and no run/);
});

test('a script of forty steps is well under two kilobytes', async () => {
  const script = Array.from({ length: 40 }, (_, i) => ({ at: 100_000 * i + 1, act: i % 3 ? { Crash: { n: 1 + (i % 5) } } : { Client: { to: 0, op: { Put: { key: 'x', value: String(i) } } } } }));
  assert.ok((await toFragment({ run: { ...RUN, script }, t: 0 })).length < 2000);
});

test('a broken link is refused with a sentence', async () => {
  const whole = await toFragment({ run: RUN, t: 0 });
  for (const broken of [whole.slice(0, 40), '#r=!!!', '#r=AAAA']) await assert.rejects(fromFragment(broken), /The link is broken/);
  await assert.rejects(fromFragment('#s=x&t=soon'), /no number of seconds/);
});

test('a small link that unpacks without end is refused', async () => {
  const bomb = await pack('0'.repeat(1 << 20));
  assert.equal((await unpack(bomb)).length, 1 << 20);
  const { deflateRawSync } = await import('node:zlib');
  const large = deflateRawSync(Buffer.alloc(50_000_000)).toString('base64url');
  assert.ok(large.length < 100_000);
  await assert.rejects(unpack(large), /too large/);
});

test('times are as short as they can be, with three digits at least', () => {
  assert.deepEqual([0, 2_400_000, 1, 123_456, 10_000_010].map(seconds), ['0.000', '2.400', '0.000001', '0.123456', '10.00001']);
});

test('digests differ where texts do', () => {
  const seen = new Set(Array.from({ length: 5000 }, (_, i) => digest(`world ${i}`)));
  assert.equal(seen.size, 5000);
  assert.match(digest(''), /^[0-9a-f]{16}$/);
});
