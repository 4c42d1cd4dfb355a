// What the dashboard decides by itself: which lines are new, who leads, how the logs stand on one axis, and when it has lost its member.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { axis, pieces } from '../dashboard/bars.js';
import { elections, named, reason } from '../dashboard/events.js';
import { leaderOf, linesOf, merged, nothing, pointsOf } from '../dashboard/feed.js';
import { verdict } from '../dashboard/headline.js';
import { clock, grouped, lasting, took } from '../dashboard/words.js';
import { served } from './served.js';

const WEB = fileURLToPath(new URL('..', import.meta.url));

/** @param {number} node @param {any} [more] @returns {any} */
function row(node, more = {}) {
  const view = { node, term: 5, standing: 'follower', leader: 1, snapshot: 100, base: 90, applied: 180, commit: 190, durable: 195, last: 200, told: [], ...more };
  return { node, name: `n${node}`, part: 'voter', client_urls: [], view, age_ms: 0, error: null };
}

/** @param {any[]} rows @returns {any} */
const cluster = (...rows) => ({ viewer: 1, at: 0, headline: { state: 'healthy', sentence: 'Healthy. All well.', problems: [] }, slowest: null, rows });

test('who leads is taken from the newest term of those that answer', () => {
  const [old, now] = [row(1, { standing: 'leader', term: 4 }), row(2, { standing: 'leader', term: 5 })];
  assert.equal(leaderOf(cluster(old, now, row(3)))?.node, 2);
  now.error = 'connection refused';
  assert.equal(leaderOf(cluster(old, now))?.node, 1);
  assert.equal(leaderOf(cluster(row(3))), null);
});

test('lines are kept once, the newest first, also those of a member that started again', () => {
  const line = (/** @type {number} */ at, /** @type {number} */ number) => ({ number, at, topic: 'election', term: 5, leads: number === 2, text: `leads in term 5: n1 was silent (no: way)` });
  const first = linesOf(cluster(row(1, { told: [line(10, 1)] }), row(2, { told: [line(20, 1)] })));
  const all = merged(merged([], first), [{ ...line(20, 1), node: 2 }, { ...line(30, 1), node: 1 }, { ...line(30, 2), node: 1 }]);
  assert.deepEqual(all.map(({ node, at, number }) => [node, at, number]), [[1, 30, 2], [1, 30, 1], [2, 20, 1], [1, 10, 1]]);
  assert.deepEqual(elections(all).map(({ number }) => number), [2]);
  assert.equal(reason(all[0]), 'n1 was silent (no: way)');
});

test('names that people gave stand in place of numbers, and only of members', () => {
  const members = cluster({ ...row(1), name: 'alpha' }, row(2));
  assert.equal(named(members, 'n1 was silent, n12 and bean1 were not; n2 voted'), 'alpha was silent, n12 and bean1 were not; n2 voted');
});

test('all logs stand on one axis, in pieces that follow each other', () => {
  const rows = [row(1), row(2, { snapshot: 150, applied: 150, commit: 150, durable: 150, last: 150 })];
  const range = axis(rows);
  assert.deepEqual([range.from, range.until], [94, 200]);
  const [full, short] = rows.map((one) => pieces(one.view, range));
  assert.deepEqual(full.map(({ name }) => name), ['snapshot', 'applied', 'committed', 'durable', 'last']);
  for (let i = 1; i < full.length; i++) assert.ok(Math.abs(full[i].left - full[i - 1].left - full[i - 1].width) < 0.01);
  assert.equal(Math.round(full[4].left + full[4].width), 1000);
  assert.deepEqual(short.map(({ name }) => name), ['snapshot'], 'what is behind has no width');
});

test('an empty log and a leader that commits before its own disk are drawn, too', () => {
  const empty = row(1, { snapshot: 0, applied: 0, commit: 0, durable: 0, last: 0 });
  assert.deepEqual(pieces(empty.view, axis([empty])), []);
  const slow = row(1, { durable: 150 });
  assert.deepEqual(pieces(slow.view, axis([slow])).map(({ name }) => name), ['snapshot', 'applied', 'committed', 'last']);
  assert.deepEqual(axis([{ ...empty, view: null }]), { from: 0, until: 1 });
});

test('the sentence is the server\'s until nothing is heard of it any more', () => {
  const known = nothing();
  assert.equal(verdict(known, 0).state, 'opening');
  known.lost = true;
  assert.equal(verdict(known, 0).state, 'lost');
  [known.cluster, known.heard] = [cluster(row(1)), 1000];
  assert.deepEqual(verdict(known, 4000).sentence, 'Healthy. All well.');
  const { state, sentence } = verdict(known, 13_000);
  assert.equal(state, 'lost');
  assert.match(sentence, /^n1 does not answer this page for 12 s\./);
});

test('points are named by the server\'s columns', () => {
  assert.deepEqual(pointsOf({ columns: ['at', 'p50'], points: [[5, null], [6, 40]] }), [{ at: 5, p50: null }, { at: 6, p50: 40 }]);
});

test('numbers are a person\'s', () => {
  assert.equal(grouped(1234567), '1\u202f234\u202f567');
  assert.deepEqual([0, 950, 1840, 62_000, 1_500_000, null].map(took), ['0 µs', '950 µs', '1.8 ms', '62 ms', '1.5 s', '–']);
  assert.deepEqual([4200, 61_000, 180_000, 7_200_000].map(lasting), ['4.2 s', '61 s', '3 min', '2 h']);
  assert.match(clock(0), /^\d\d:\d\d:00$/);
});

test('the dashboard keeps to the rules of the pages: no markup from text, no styles on elements, little weight', () => {
  const names = readdirSync(join(WEB, 'dashboard'));
  let weight = 0;
  for (const path of [...names.map((name) => `dashboard/${name}`), 'index.html', 'style.css', 'favicon.svg', 'common/dom.js', 'common/a11y.js']) {
    const source = readFileSync(join(WEB, path), 'utf8');
    weight += Buffer.byteLength(served(path, source));
    if (!path.startsWith('dashboard/') || !path.endsWith('.js')) continue;
    assert.match(source, /^\/\/ \S/, path);
    assert.ok(source.split('\n').length <= 300, path);
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|DOMParser|\bstyle:|\.style\.|setAttribute\('style|javascript:/, path);
    const strings = source.replace(/\/\*\*.*?\*\/|^\s*\/\/.*$/gms, '').match(/'[^'\n]*'|`[^`]*`/g) ?? [];
    for (const one of strings) assert.doesNotMatch(one, /\/\*\*|^\s*\/\/|\*\//m, `${path}: ${one}`);
  }
  assert.doesNotMatch(readFileSync(join(WEB, 'index.html'), 'utf8'), /\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)/);
  console.log(`the dashboard weighs ${weight} bytes`);
  assert.ok(weight < 90_000, `${weight} bytes`);
});
