// What a person can do to a run, as steps of its script, in the words of run files.
//
// It knows the words and where a step goes, not what comes of it.

/** @import {Run, Step, World, ClientView} from '../types.js' */

/** The acts, by what they are called here. */
export const acts = {
  crash: (/** @type {number} */ n) => ({ Crash: { n } }),
  powerLoss: (/** @type {number} */ n) => ({ PowerLoss: { n, keep: 0 } }),
  restart: (/** @type {number} */ n) => ({ Restart: { n } }),
  wipe: (/** @type {number} */ n) => ({ Wipe: { n } }),
  pause: (/** @type {number} */ n) => ({ Pause: { n, micros: 500_000 } }),
  slowDisk: (/** @type {number} */ n) => ({ SlowDisk: { n, micros: 200_000, lasts: 2_000_000 } }),
  timeout: (/** @type {number} */ n) => ({ Timeout: { n } }),
  transfer: (/** @type {number} */ n, to = 0) => ({ Transfer: { n, to } }),
  cut: (/** @type {number} */ from, /** @type {number} */ to) => ({ Cut: { from, to } }),
  join: (/** @type {number} */ from, /** @type {number} */ to) => ({ Join: { from, to } }),
  partition: (/** @type {number[][]} */ groups) => ({ Partition: { groups } }),
  heal: () => 'Heal',
  drop: (/** @type {number} */ msg) => ({ Drop: { msg } }),
  delay: (/** @type {number} */ msg, by = 100_000) => ({ Delay: { msg, by } }),
  duplicate: (/** @type {number} */ msg) => ({ Duplicate: { msg } }),
  align: () => 'AlignTimers',
  spread: () => 'SpreadTimers',
  snapshot: (/** @type {number} */ n) => ({ Snapshot: { n } }),
  order: (/** @type {any} */ order, at = 0) => ({ Order: { at, order } }),
  client: (/** @type {any} */ op, to = 0) => ({ Client: { to, op } }),
};

/**
 * The run with one more thing done to it right after `t`. What was to come later is cut off: it may make no sense any more.
 * @param {Run} run
 * @param {number} t microseconds
 * @param {any[]} what acts, done at the same moment, but for those that are to come `later`
 * @returns {{run: Run, at: number}}
 */
export function withActs(run, t, what) {
  const at = Math.floor(t) + 1;
  const kept = run.script.filter((step) => step.at < at);
  const same = run.script.filter((step) => step.at === at);
  const steps = what.map((act) => (act.after === undefined ? { at, act } : { at: at + act.after, act: act.act }));
  return { run: { ...run, script: [...kept, ...same, ...steps] }, at };
}

/** An act that follows the others so many microseconds after. @param {number} after @param {any} act */
export const later = (after, act) => ({ after, act });

/** Crashes who runs, starts who is down. @param {World} world @param {number} n */
export function crashOrRestart(world, n) {
  return world.nodes.get(n)?.up === false ? acts.restart(n) : acts.crash(n);
}

/** Cuts both directions of a link, or makes both whole if either is cut. @param {World} world @param {number} a @param {number} b @returns {any[]} */
export function toggleLink(world, a, b) {
  const broken = world.links.some((link) => !link.up && [a, b].includes(link.from) && [a, b].includes(link.to));
  return broken ? [acts.join(a, b), acts.join(b, a)] : [acts.cut(a, b), acts.cut(b, a)];
}

/** @param {World} world @param {number} from @param {number} to @returns {any} */
export function toggleDirection(world, from, to) {
  const broken = world.links.some((link) => !link.up && link.from === from && link.to === to);
  return broken ? acts.join(from, to) : acts.cut(from, to);
}

/** What people write for a client's request. @typedef {{op: any} | {error: string}} Wish */

const NAME = /^[^\s=]{1,64}$/;

/**
 * Reads `set x=3`, `x=3`, `get x`, `delete x`, `cas x 3 4`.
 * @param {string} text
 * @returns {Wish}
 */
export function wishOf(text) {
  const line = text.trim();
  const set = /^(?:(?:set|put)\s+)?([^\s=]+)\s*=\s*(.+)$/i.exec(line) ?? /^(?:set|put)\s+(\S+)\s+(.+)$/i.exec(line);
  const [word, key, from, to, more] = line.split(/\s+/);
  if (set) {
    if (!NAME.test(set[1])) return { error: `"${set[1]}" is no key: at most 64 letters.` };
    if (new TextEncoder().encode(set[2]).length > 256) return { error: 'The value is longer than 256 bytes.' };
    return { op: { Put: { key: set[1], value: set[2] } } };
  }
  if (/^get$/i.test(word) && key && !from) return { op: { Get: { key } } };
  if (/^del(ete)?$/i.test(word) && key && !from) return { op: { Delete: { key } } };
  if (/^cas$/i.test(word) && to && !more) return { op: { Cas: { key, from, to } } };
  return { error: `"${line}" is no request: write x=3, get x, delete x, or cas x 3 4 (if x is 3, make it 4).` };
}

/** What the page calls its session, and how long that lives, in microseconds. */
const SESSION = { session: 'page', ttl: 600_000_000 };

/**
 * A command with a name of its own: asked for again, it still takes effect once. The first one opens a session before it.
 * @param {Step[]} script as far as it was played
 * @param {any} op
 * @param {number} to
 */
export function namedCommand(script, op, to) {
  const asked = script.map((step) => step.act.Client?.op).filter(Boolean);
  const names = asked.filter((one) => one.Once?.session === SESSION.session).map((one) => one.Once.sequence);
  const command = acts.client({ Once: { session: SESSION.session, sequence: Math.max(0, ...names) + 1, acknowledged: 0, op } }, to);
  const opened = asked.some((one) => one.Open?.session === SESSION.session);
  return opened ? [command] : [acts.client({ Open: SESSION }, 0), later(150_000, command)];
}

/** The same request once more, in the same words. @param {Run} run @param {ClientView} one @returns {Wish} */
export function againOf(run, one) {
  const byScript = run.clients?.count ? undefined : run.script.filter((step) => step.act.Client)[one.request - 1];
  return byScript ? { op: byScript.act.Client.op } : wishOf(one.asks);
}

/** A step in words, for the script's list. @param {Step} step */
export function stepText(step) {
  const { act } = step;
  if (typeof act === 'string') return act.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  const [name, values] = Object.entries(act)[0];
  if (name === 'Client') return `a client asks ${values.to ? `n${values.to}` : 'the leader'}: ${wishText(values.op)}`;
  const words = name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return `${words} ${valueText(values)}`.trim();
}

/** A request as people write it. @param {any} op @returns {string} */
function wishText(op) {
  if (op.Put) return `${op.Put.key}=${op.Put.value}`;
  if (op.Cas) return `cas ${op.Cas.key} ${op.Cas.from} ${op.Cas.to}`;
  if (op.Once) return `${wishText(op.Once.op)}, as command ${op.Once.sequence} of its session`;
  const [name, values] = Object.entries(op)[0];
  return `${name.toLowerCase()} ${values.key ?? 'a session'}`;
}

/** @param {any} value @returns {string} */
function valueText(value) {
  if (Array.isArray(value)) return value.map((one) => (Array.isArray(one) ? valueText(one) : one)).join(Array.isArray(value[0]) ? ' | ' : ' ');
  if (value === null || typeof value !== 'object') return String(value);
  return Object.entries(value).map(([name, one]) =>
    ['n', 'a', 'b', 'from', 'to'].includes(name) && typeof one === 'number' && one > 0 ? `${name === 'to' ? '→ ' : ''}n${one}`
      : typeof one === 'object' && one !== null ? valueText(one) : name === 'to' && one === 0 ? '' : `${name} ${one}`).filter(Boolean).join(' ');
}
