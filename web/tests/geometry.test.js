// Places on the ring: apart from each other, within the picture, messages from edge to edge.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { along, arc, columns, crosses, cutBy, lane, nodeAt, ring, way, within } from '../explorer/geometry.js';

const SIZES = [[588, 560], [374, 330], [900, 500], [374, 300]];

test('one to nine nodes stand apart and within the picture, at all sizes', () => {
  for (const [width, height] of SIZES) {
    for (let count = 1; count <= 9; count++) {
      const place = ring(Array.from({ length: count }, (_, i) => i + 1), width, height);
      const points = [...place.places.values()];
      for (const [i, p] of points.entries()) {
        assert.ok(p.x >= place.r && p.x <= width - place.r && p.y >= place.r && p.y <= height - place.r, `${count} in ${width}x${height}`);
        for (const q of points.slice(i + 1)) assert.ok(Math.hypot(p.x - q.x, p.y - q.y) > 2 * place.r + 14, `${count} in ${width}x${height}`);
      }
    }
  }
});

test('the two directions of a link are two lanes', () => {
  const [a, b] = [{ x: 0, y: 0 }, { x: 300, y: 0 }];
  const [there, back] = [lane(a, b, 30), lane(b, a, 30)];
  assert.ok(there.y1 > 5 && back.y1 < -5);
  assert.ok(there.x1 >= 30 && there.x2 <= 270);
  assert.deepEqual(along({ x1: 0, y1: 0, x2: 10, y2: 20 }, 0.5), { x: 5, y: 10 });
});

test('a message is where its time says, a lost one at most half-way', () => {
  /** @type {any} */
  const flight = { sent: 1000, arrives: 2000 };
  assert.deepEqual([way(flight, 500), way(flight, 1500), way(flight, 9000)], [0, 0.5, 1]);
  assert.equal(way({ ...flight, lost_at: 1500 }, 1500), 0.5);
  assert.equal(way({ ...flight, arrives: undefined }, 1500), 0.5);
});

test('arcs are empty, whole, or the piece that is left', () => {
  assert.equal(arc(10, 1, 1), '');
  assert.match(arc(10, 0, 1), /A10 10.*A10 10/);
  assert.equal(arc(10, 0.5, 1), 'M0 10A10 10 0 0 1 0 -10');
  assert.match(arc(10, 0.2, 1), / 1 1 /);
});

test('strokes cut the links that they cross', () => {
  assert.ok(crosses({ x1: 0, y1: 0, x2: 10, y2: 10 }, { x1: 0, y1: 10, x2: 10, y2: 0 }));
  assert.ok(!crosses({ x1: 0, y1: 0, x2: 10, y2: 10 }, { x1: 20, y1: 0, x2: 30, y2: 10 }));
  const place = ring([1, 2, 3, 4, 5], 588, 560);
  const [a, b] = [place.places.get(1), place.places.get(2)].map((p) => p ?? assert.fail());
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  assert.deepEqual(cutBy(place, { x1: middle.x - 8, y1: middle.y + 8, x2: middle.x + 8, y2: middle.y - 8 }), [[1, 2]]);
  assert.equal(nodeAt(place, a), 1);
  assert.equal(nodeAt(place, middle), null);
});

test('a closed line holds what is within', () => {
  const square = [{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 10, y: 10 }, { x: 0, y: 10 }];
  assert.ok(within({ x: 5, y: 5 }, square) && !within({ x: 15, y: 5 }, square));
});

test('logs show the newest entries and what comes next, or what is asked for', () => {
  assert.deepEqual(columns(3, 560, 56, null), { first: 1, count: 10 });
  assert.deepEqual(columns(40, 560, 56, null), { first: 32, count: 10 });
  assert.deepEqual(columns(40, 560, 56, 5), { first: 5, count: 10 });
  assert.deepEqual(columns(40, 560, 56, 400), { first: 32, count: 10 });
});
