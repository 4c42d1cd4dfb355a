// What has just happened and still shows for a moment: messages that were lost, entries that were deleted. Found by
// comparing worlds, so a step back shows it again.
//
// It knows differences of worlds, not their reasons.

/** @import {Flight, Event, World} from '../types.js' */
/** @import {Player} from './player.js' */
import { entryText } from './words.js';
import { termAt } from './world.js';

/** More than a few at once is no message any more. */
const MOST = 12;

/**
 * @param {Player} player
 * @param {number} lasts microseconds of the world
 */
export function recent(player, lasts) {
  /** @type {{flight: Flight, age: number, atNode: boolean}[]} */
  const flights = [];
  /** @type {{node: number, index: number, term: number, text: string, age: number}[]} */
  const entries = [];
  const { timeline, at, t } = player;
  for (let i = at - 1; i >= 0 && flights.length + entries.length < MOST; i--) {
    const event = timeline.events[i];
    if (t - event.t > lasts) break;
    if (!event.gone?.length && !event.nodes?.length) continue;
    const age = player.playing ? (t - event.t) / lasts : 0;
    lostBy(event, timeline.world(i), age, flights);
    deletedBy(event, timeline.world(i), age, entries);
  }
  return { flights, entries };
}

/** @param {Event} event @param {World} before @param {number} age @param {{flight: Flight, age: number, atNode: boolean}[]} into */
function lostBy(event, before, age, into) {
  for (const gone of event.gone ?? []) {
    const flight = before.flights.get(gone.id) ?? event.sent?.find((one) => one.id === gone.id);
    if (gone.how !== 'arrived' && flight) into.push({ flight, age, atNode: gone.how === 'nobody_there' });
  }
}

/** @param {Event} event @param {World} before @param {number} age @param {{node: number, index: number, term: number, text: string, age: number}[]} into */
function deletedBy(event, before, age, into) {
  for (const delta of event.nodes ?? []) {
    const log = before.nodes.get(delta.id)?.log;
    if (!delta.log || !log) continue;
    const behind = Math.max(delta.log.keep + 1, delta.log.first, log.first);
    for (let index = behind; termAt(log, index) !== undefined; index++) {
      const i = index - log.first;
      const text = entryText({ command: log.commands[i], kind: log.kinds[i] });
      into.push({ node: delta.id, index, term: log.terms[i], text, age });
    }
  }
}
