// A page becomes what its value says, and what stays the same is not touched. The document here is a small one, with what
// the module asks of a real one.

import { test } from 'node:test';
import assert from 'node:assert/strict';

class FakeNode {
  /** @param {string} name @param {string} space */
  constructor(name, space) {
    /** @type {any} */
    this.parentNode = null;
    this.localName = name;
    this.namespaceURI = space;
    this.data = '';
    /** @type {FakeNode[]} */
    this.childNodes = [];
    /** @type {Record<string, string>} */
    this.attributes = {};
    /** @type {Record<string, any>} */
    this.listeners = {};
    this.touched = 0;
  }
  get firstChild() { return this.childNodes[0] ?? null; }
  get nextSibling() { return this.parentNode?.childNodes[this.parentNode.childNodes.indexOf(this) + 1] ?? null; }
  /** @param {string} name @param {any} value */
  setAttribute(name, value) { this.touched++; this.attributes[name] = String(value); }
  /** @param {string} name */
  removeAttribute(name) { this.touched++; delete this.attributes[name]; }
  /** @param {string} type @param {any} listener */
  addEventListener(type, listener) { assert.ok(!(type in this.listeners)); this.listeners[type] = listener; }
  /** @param {string} type */
  fire(type) { this.listeners[type].handleEvent({ type }); }
  remove() { this.parentNode.childNodes = this.parentNode.childNodes.filter((/** @type {any} */ one) => one !== this); }
  /** @param {FakeNode} node @param {FakeNode | null} before */
  insertBefore(node, before) {
    if (node.parentNode) node.remove();
    this.childNodes.splice(before ? this.childNodes.indexOf(before) : this.childNodes.length, 0, node);
    node.parentNode = this;
  }
  /** @param {FakeNode} node */
  replaceWith(node) { this.parentNode.insertBefore(node, this); this.remove(); }
  /** @returns {string} */
  get text() { return this.localName === '#' ? this.data : `<${this.localName}>${this.childNodes.map((one) => one.text).join('')}`; }
}
const HTML = 'http://www.w3.org/1999/xhtml';
/** @type {any} */ (globalThis).document = {
  createElement: (/** @type {string} */ name) => new FakeNode(name, HTML),
  createElementNS: (/** @type {string} */ space, /** @type {string} */ name) => new FakeNode(name, space),
  createTextNode: (/** @type {string} */ text) => Object.assign(new FakeNode('#', ''), { data: text }),
};
const { h, lazy, patch } = await import('../common/dom.js');

const items = (/** @type {any[]} */ keys) => [h('ul', null, keys.map((key) => h('li', { key }, key)))];

test('elements follow their keys through any change of order', () => {
  const root = new FakeNode('main', HTML);
  patch(root, items([1, 2, 3, 4]));
  const element = () => new Map(root.childNodes[0].childNodes.map((one) => [one.childNodes[0].data, one]));
  for (const order of [[4, 3, 2, 1], [2, 4], [5, 2, 4, 1], [], [1], [3, 1, 2]]) {
    const before = element();
    patch(root, items(order));
    assert.equal(root.text, `<main><ul>${order.map((key) => `<li>${key}`).join('')}`);
    for (const [key, one] of element()) if (before.has(key)) assert.equal(one, before.get(key));
  }
});

test('what is the same is not touched', () => {
  const root = new FakeNode('main', HTML);
  const view = (/** @type {number} */ x) => [h('p', { class: 'a', title: x > 1 ? 'more' : null }, 'said ', x)];
  patch(root, view(1));
  const p = root.childNodes[0];
  const { touched } = p;
  patch(root, view(1));
  assert.equal(p.touched, touched);
  patch(root, view(2));
  assert.deepEqual([p.attributes, p.text], [{ class: 'a', title: 'more' }, '<p>said 2']);
  patch(root, view(1));
  assert.deepEqual(p.attributes, { class: 'a' });
});

test('a lazy part is asked only when its arguments are others', () => {
  const root = new FakeNode('main', HTML);
  let asked = 0;
  const part = (/** @type {string} */ tag, /** @type {any} */ value) => (asked++, h(tag, null, value));
  for (const args of [['b', 1], ['b', 1], ['b', 2], ['i', 2]]) patch(root, [lazy('part', part, ...args), h('hr')]);
  assert.deepEqual([asked, root.text], [3, '<main><i>2<hr>']);
});

test('listeners are the newest, and are put on once', () => {
  const root = new FakeNode('main', HTML);
  /** @type {number[]} */
  const heard = [];
  for (const i of [1, 2, 3]) patch(root, [h('button', { onclick: () => heard.push(i) })]);
  root.childNodes[0].fire('click');
  patch(root, [h('button', {})]);
  root.childNodes[0].fire('click');
  assert.deepEqual(heard, [3]);
});

test('what is within a picture is of its kind, and what is null is left out', () => {
  const root = new FakeNode('main', HTML);
  patch(root, [h('svg', null, h('g', null, h('circle', { r: 3 }))), null, false, undefined, h('p', { hidden: true, 'aria-pressed': false })]);
  const [svg, p] = root.childNodes;
  assert.match(svg.childNodes[0].childNodes[0].namespaceURI, /svg$/);
  assert.deepEqual([p.namespaceURI, p.attributes], [HTML, { hidden: '', 'aria-pressed': 'false' }]);
});

test('text is only ever text', () => {
  const root = new FakeNode('main', HTML);
  patch(root, [h('p', null, '<script>alert(1)</script>')]);
  assert.equal(root.childNodes[0].childNodes[0].localName, '#');
  assert.equal(root.childNodes[0].childNodes[0].data, '<script>alert(1)</script>');
});
