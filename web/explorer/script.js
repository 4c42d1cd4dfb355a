// The run as text: what was done to it step by step, and the whole of it to be edited.
//
// It knows steps and JSON; whether a run can be played, the engine says.

/** @import {Run} from '../types.js' */
import { h } from '../common/dom.js';
import { stepText } from './acts.js';
import { clock } from './words.js';

/**
 * @typedef {object} ScriptScene
 * @property {Run} run
 * @property {number} t
 * @property {boolean} live
 * @property {string} error
 * @property {(t: number) => void} seek
 * @property {(run: Run, why: string) => void} change
 * @property {(text: string) => void} take
 */

/** @param {ScriptScene} scene */
export function scriptView(scene) {
  const { run, t, live } = scene;
  const without = (/** @type {number} */ i) => scene.change({ ...run, script: run.script.filter((_, at) => at !== i) }, 'a step less');
  return h('div', { class: 'script' },
    run.script.length === 0 ? h('p', { class: 'quiet' }, 'Nothing is done to this run. What you do to it is written here.')
      : h('ol', null, run.script.map((step, i) => h('li', { key: i, class: step.at <= t ? 'past' : 'coming' },
        h('button', { class: 'plain', onclick: () => scene.seek(step.at) }, h('span', { class: 'time' }, clock(step.at)), ' ', stepText(step)),
        live && h('button', { class: 'small', 'aria-label': `Leave out: ${stepText(step)} at ${clock(step.at)}`, onclick: () => without(i) }, '✗')))),
    h('details', { class: 'text' }, h('summary', null, 'The run as text'), editor(scene)));
}

/** @param {ScriptScene} scene */
function editor(scene) {
  const text = runText(scene.run);
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    scene.take(event.target.elements.run.value);
  };
  return h('form', { onsubmit: submit, key: text },
    h('textarea', { name: 'run', rows: 14, spellcheck: 'false', 'aria-label': 'The run as text', readonly: !scene.live, mounted: (/** @type {any} */ el) => (el.value = text) }),
    scene.error && h('p', { class: 'error', role: 'alert' }, scene.error),
    scene.live && h('button', { type: 'submit' }, 'Play this run'));
}

/** JSON with a line for each step, so that a mistake has a line of its own. @param {Run} run */
export function runText(run) {
  const { script, ...rest } = run;
  const lines = script.map((step) => '    ' + JSON.stringify(step)).join(',\n');
  return JSON.stringify(rest, null, 2).replace(/\n}$/, `,\n  "script": [${lines && '\n' + lines + '\n  '}]\n}\n`);
}

/**
 * A text as a run, or a sentence that says where it is wrong.
 * @param {string} text
 * @returns {{run: Run} | {error: string}}
 */
export function readRun(text) {
  try {
    const run = JSON.parse(text);
    if (!run || typeof run !== 'object' || !Array.isArray(run.script)) return { error: 'This is no run: it has no "script" with a list of steps.' };
    return { run };
  } catch (error) {
    return { error: placed(text, String(/** @type {Error} */ (error).message)) };
  }
}

/** Browsers tell a position, people look for a line. @param {string} text @param {string} message */
function placed(text, message) {
  const position = /position (\d+)/.exec(message);
  if (!position) return `This is no run: ${message}.`;
  const line = text.slice(0, Number(position[1])).split('\n').length;
  return `Line ${line}: this is no JSON (${message}).`;
}
