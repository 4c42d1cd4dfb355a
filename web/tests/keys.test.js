// One table is what keys do and what the help says.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { shortcuts } from '../explorer/commands.js';
import { chord, claimedTwice, press } from '../common/keys.js';

/** @type {string[]} */
let did = [];
const does = new Proxy({}, { get: (_, name) => (/** @type {any[]} */ ...args) => did.push([name, ...args].join(' ').trim()) });
const table = shortcuts(/** @type {any} */ (does));
/** @param {string} name @param {any} [more] */
const key = (name, more = {}) => /** @type {any} */ ({ key: name, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, target: null, preventDefault: () => {}, ...more });

test('no key is claimed twice, and every row can be read', () => {
  assert.deepEqual(claimedTwice(table), []);
  for (const row of table) assert.ok(row.keys.length > 0 && row.says && row.shown && row.group, row.shown);
});

test('every key of the table does something', () => {
  for (const row of table) {
    for (const name of row.keys) {
      did = [];
      const event = name.startsWith('Shift+') ? key(name.slice(6), { shiftKey: true }) : key(name === 'Space' ? ' ' : name);
      assert.ok(press(table, event), name);
      assert.equal(did.length, 1, name);
    }
  }
});

test('capital letters are the same keys, and the browser keeps its own', () => {
  assert.equal(chord(key('C', { shiftKey: true })), 'c');
  assert.equal(chord(key('c', { ctrlKey: true })), '');
  assert.equal(press(table, key('Tab')), false);
  assert.equal(press(table, key('F5')), false);
});

test('where a person writes, keys are letters; a button presses itself', () => {
  assert.equal(press(table, key('c', { target: { localName: 'textarea' } })), false);
  assert.equal(press(table, key('c', { target: { localName: 'input', type: 'text' } })), false);
  assert.equal(press(table, key(' ', { target: { localName: 'button' } })), false);
  assert.equal(press(table, key('ArrowRight', { target: { localName: 'button' } })), true);
});

test('directions go the way that they point', () => {
  did = [];
  for (const name of ['ArrowRight', 'ArrowLeft', '.', ',', ']', '[', '7']) press(table, key(name));
  assert.deepEqual(did, ['event 1', 'event -1', 'message 1', 'message -1', 'speed 1', 'speed -1', 'node 7']);
});
