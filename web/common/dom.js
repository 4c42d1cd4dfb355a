// Makes the page look like a value: `patch(element, view(state))`. Keyed, aware of SVG, and never a parser of HTML, so
// text that comes from a run can be nothing but text.
//
// It knows elements and attributes, not what they mean.

const SVG = 'http://www.w3.org/2000/svg';
/** @type {Record<string, any>} */
const NONE = {};
/** Attributes that live on as properties once a person has touched the element. */
const LIVE = new Set(['value', 'checked', 'selected']);

/**
 * @typedef {object} VNode
 * @property {string} tag the element's name; `#` a text; `?` a view that is asked only when its arguments changed
 * @property {any} key who it is among its siblings
 * @property {Record<string, any>} props attributes, `on...` listeners, and `mounted`, called once with the new element
 * @property {VNode[]} kids
 * @property {string} text
 * @property {any} el what stands on the page for it
 * @property {any[]} [args]
 * @property {(...args: any[]) => VNode} [view]
 */

/**
 * An element. Children that are null, undefined or false are left out; lists are flattened; numbers and strings are texts.
 * @param {string} tag
 * @param {Record<string, any> | null} [props]
 * @param {...any} kids
 * @returns {VNode}
 */
export function h(tag, props, ...kids) {
  const own = props ?? NONE;
  return { tag, key: own.key, props: own, kids: gather(kids, []), text: '', el: null };
}

/**
 * A part that is drawn anew only when one of `args` is another value than last time.
 * @param {any} key
 * @param {(...args: any[]) => VNode} view
 * @param {...any} args
 * @returns {VNode}
 */
export function lazy(key, view, ...args) {
  return { tag: '?', key, props: NONE, kids: [], text: '', el: null, args, view };
}

/**
 * @param {any[]} kids
 * @param {VNode[]} into
 */
function gather(kids, into) {
  for (const kid of kids) {
    if (kid === null || kid === undefined || kid === false) continue;
    if (Array.isArray(kid)) gather(kid, into);
    else if (typeof kid === 'object') into.push(kid);
    else into.push({ tag: '#', key: undefined, props: NONE, kids: [], text: String(kid), el: null });
  }
  return into;
}

/**
 * Makes the children of `root` what `tree` says. The last tree is remembered on the element itself.
 * @param {any} root
 * @param {any[]} tree
 */
export function patch(root, tree) {
  const next = gather(tree, []);
  patchKids(root, root.drawn ?? [], next);
  root.drawn = next;
}

/** @param {VNode} node @param {any} parent @returns {any} */
function create(node, parent) {
  if (node.tag === '#') return (node.el = document.createTextNode(node.text));
  if (node.view) {
    node.kids = [node.view(...(node.args ?? []))];
    return (node.el = create(node.kids[0], parent));
  }
  const svg = node.tag === 'svg' || (parent.namespaceURI === SVG && parent.localName !== 'foreignObject');
  const el = svg ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  node.el = el;
  for (const name in node.props) set(el, name, node.props[name]);
  patchKids(el, [], node.kids);
  node.props.mounted?.(el);
  return el;
}

/** @param {any} el @param {string} name @param {any} value */
function set(el, name, value) {
  if (name === 'key' || name === 'mounted') return;
  if (name.startsWith('on')) {
    const type = name.slice(2);
    el.heard ??= { handleEvent: (/** @type {Event} */ event) => el.heard[event.type]?.(event) };
    if (!(type in el.heard)) el.addEventListener(type, el.heard);
    el.heard[type] = value;
  } else if (LIVE.has(name)) {
    if (el[name] !== value) el[name] = value;
  } else if (value === null || value === undefined || (value === false && !name.startsWith('aria-'))) {
    el.removeAttribute(name);
  } else {
    el.setAttribute(name, value === true && !name.startsWith('aria-') ? '' : value);
  }
}

/** Makes the element of `old` show `next`, which is the same kind of thing. @param {VNode} old @param {VNode} next */
function update(old, next) {
  const el = (next.el = old.el);
  if (next.tag === '#') {
    if (old.text !== next.text) el.data = next.text;
  } else if (next.view) {
    updateLazy(old, next);
  } else {
    if (old.props !== next.props) {
      for (const name in next.props) {
        if (old.props[name] !== next.props[name] || LIVE.has(name)) set(el, name, next.props[name]);
      }
      for (const name in old.props) if (!(name in next.props)) set(el, name, undefined);
    }
    patchKids(el, old.kids, next.kids);
  }
}

/** @param {VNode} old @param {VNode} next */
function updateLazy(old, next) {
  const [before, after] = [old.args ?? [], next.args ?? []];
  if (before.length === after.length && after.every((arg, i) => arg === before[i])) {
    next.kids = old.kids;
    return;
  }
  next.kids = [/** @type {any} */ (next.view)(...after)];
  if (same(old.kids[0], next.kids[0])) update(old.kids[0], next.kids[0]);
  else old.el.replaceWith(create(next.kids[0], old.el.parentNode));
  next.el = next.kids[0].el;
}

/** @param {VNode} a @param {VNode} b */
const same = (a, b) => a.tag === b.tag && a.key === b.key && a.view === b.view;

/** @param {any} parent @param {VNode[]} old @param {VNode[]} next */
function patchKids(parent, old, next) {
  if (old.length === next.length && next.every((node, i) => same(old[i], node))) {
    for (let i = 0; i < next.length; i++) update(old[i], next[i]);
    return;
  }
  /** @type {VNode[]} */
  const left = [...old];
  for (const node of next) {
    const at = left.findIndex((one) => same(one, node));
    if (at >= 0) update(left.splice(at, 1)[0], node);
    else create(node, parent);
  }
  for (const node of left) node.el.remove();
  let here = parent.firstChild;
  for (const node of next) {
    if (node.el === here) here = here.nextSibling;
    else parent.insertBefore(node.el, here);
  }
}
