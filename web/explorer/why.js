// Why the newest step happened: the rule, where it stands, and the values that were compared.
//
// It shows what the engine says, and adds nothing.

/** @import {Event} from '../types.js' */
import { h } from '../common/dom.js';
import { clock } from './words.js';

/** So many steps are listed. */
const STEPS = 6;
/** A rule among the last so many events is worth telling. */
const NEAR = 12;

/** How many events have happened up to and with the newest that has words. @param {Event[]} events @param {number} at */
export function newestWord(events, at) {
  let i = at;
  while (i > 0 && events[i - 1].text === '') i--;
  return i;
}

/** @param {Event[]} events @param {number} at @param {(n: number) => void} seekEvent */
export function whyView(events, at, seekEvent) {
  const count = newestWord(events, at);
  const newest = events[count - 1];
  if (!newest) return h('div', { class: 'why' }, h('p', { class: 'quiet' }, 'Nothing has happened yet. Press → for the first event, or Space to play.'));
  // An arrival has no reason of its own: then the last step that has one is told, too.
  const alone = newest.why || !['arrive', 'answer', 'told'].includes(newest.kind);
  const reasoned = alone ? newest : events.slice(Math.max(0, count - NEAR), count).findLast((event) => event.why);
  const why = reasoned?.why;
  return h('div', { class: 'why' },
    h('p', { class: 'event' }, newest.text),
    why && reasoned !== newest && h('p', { class: 'reason quiet' }, `The last rule before: ${reasoned.text}.`),
    why && h('p', { class: 'rule' }, h('strong', null, why.rule), why.section && h('span', { class: 'section' }, why.section)),
    why && h('p', { class: 'reason' }, why.text),
    why && why.values.length > 0 && h('dl', { class: 'values' }, why.values.map(([name, value]) =>
      h('div', { key: name }, h('dt', null, name), h('dd', null, value)))),
    stepList(events, count, seekEvent));
}

/** What came before, each a way back. @param {Event[]} events @param {number} at @param {(n: number) => void} seekEvent */
function stepList(events, at, seekEvent) {
  const before = events.slice(Math.max(0, at - 1 - 4 * STEPS), at - 1).filter((event) => event.text !== '').reverse().slice(0, STEPS);
  if (before.length === 0) return null;
  return h('details', { class: 'before', open: true }, h('summary', null, 'Before that'),
    h('ol', null, before.map((event) => h('li', { key: event.n },
      h('button', { class: 'plain', onclick: () => seekEvent(event.n) }, h('span', { class: 'time' }, clock(event.t)), ' ', event.text)))));
}
