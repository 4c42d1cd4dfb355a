// The voice of the page: a story's sentence at the cursor, and without a story what matters most of what happened.
//
// It knows where captions stand in time, not what they explain.

/** @import {Event, Story} from '../types.js' */
/** @import {Player} from './player.js' */
import { h } from '../common/dom.js';

/** Kinds of events that are worth a sentence where no story is told. */
const LANDMARKS = new Set([
  'leader', 'candidate', 'commit', 'held_back', 'truncate', 'down', 'start', 'act', 'configuration', 'configuration_reverted',
  'snapshot_installed', 'transfer_began', 'told', 'broken', 'halted', 'removed',
]);

/** @param {Event} event */
export const isLandmark = (event) => LANDMARKS.has(event.kind);

/** The caption that holds at a time: its place in the story, -1 before the first. @param {Story | null} story @param {number} t */
export function captionAt(story, t) {
  let at = -1;
  story?.captions.forEach((caption, i) => {
    if (caption.t <= t) at = i;
  });
  return at;
}

/** The caption before and the one after the cursor. @param {Story | null} story @param {number} t */
export function neighbours(story, t) {
  const captions = story?.captions ?? [];
  const at = captionAt(story, t);
  const stands = at >= 0 && captions[at].t === Math.floor(t);
  return { back: captions[stands ? at - 1 : at], next: captions[at + 1] };
}

/** The newest event that is worth a sentence. @param {Player} player */
export function landmark(player) {
  const { events } = player.timeline;
  for (let i = player.at; i > 0; i--) if (isLandmark(events[i - 1])) return events[i - 1];
  return null;
}

/**
 * @typedef {object} CaptionScene
 * @property {Story | null} story
 * @property {Player} player
 * @property {boolean} forked
 * @property {() => void} back
 * @property {() => void} next
 */

/** What is said now: a sentence, where it stands in the paper, and how far the story is. @param {Story | null} story @param {Player} player */
export function spoken(story, player) {
  const count = story?.captions.length ?? 0;
  if (story && count > 0) {
    const at = captionAt(story, player.t);
    const caption = story.captions[at];
    return {
      place: `${at + 1}/${count}`, text: caption?.text ?? `${story.title}. Press Next to begin.`,
      section: caption?.section ?? '', last: at + 1 === count,
    };
  }
  const event = landmark(player);
  const text = event ? event.text : 'A cluster of servers, a seed, and nothing planned. Play, step, or break something.';
  return { place: '', text, section: event?.why?.section ?? '', last: false };
}

/** @param {CaptionScene} scene */
export function captionView(scene) {
  const { place, text, section, last } = spoken(scene.story, scene.player);
  return h('section', { id: 'caption', 'aria-label': 'Caption' },
    place && h('span', { class: 'place', 'aria-label': `Caption ${place.replace('/', ' of ')}` }, place),
    h('p', { class: text.length > 150 ? 'text long' : 'text' }, text),
    h('span', { class: 'section' }, section && (/^\d/.test(section) ? `§ ${section}` : section)),
    h('span', { class: 'turn' },
      h('button', { onclick: scene.back, title: 'Shift+←' }, '← Back'),
      h('button', { class: 'main', onclick: scene.next, title: 'Shift+→', disabled: last && !scene.forked }, 'Next →')));
}
