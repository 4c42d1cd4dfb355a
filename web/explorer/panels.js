// The drawers beside the reasons: what is selected, the state machines, clients, checks, the run's settings and its script.
//
// It knows which drawer shows what.

/** @import {World, Run, Check} from '../types.js' */
import { h } from '../common/dom.js';
import { nodeName, short } from './words.js';

/** Name and title of each drawer. @type {[string, string][]} */
export const TABS = [
  ['selected', 'Selected'], ['machines', 'State'], ['clients', 'Clients'], ['checks', 'Checks'], ['run', 'Run'], ['script', 'Script'],
];

/** @param {string} open @param {(name: string) => void} choose @param {any} content */
export function drawers(open, choose, content) {
  const move = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
    event.preventDefault();
    const at = TABS.findIndex(([name]) => name === open) + (event.key === 'ArrowRight' ? 1 : TABS.length - 1);
    const [name] = TABS[at % TABS.length];
    choose(name);
    document.getElementById(`tab-${name}`)?.focus();
  };
  return h('section', { id: 'drawers', 'aria-label': 'Details' },
    h('div', { role: 'tablist', class: 'tabs', 'aria-label': 'Details', onkeydown: move }, TABS.map(([name, title]) => h('button', {
      key: name, id: `tab-${name}`, role: 'tab', 'aria-selected': open === name, 'aria-controls': 'drawer',
      tabindex: open === name ? 0 : -1, onclick: () => choose(name),
    }, title))),
    h('div', { id: 'drawer', role: 'tabpanel', 'aria-labelledby': `tab-${open}`, tabindex: 0 }, content));
}

/** Each node's state machine, as it sees the world. @param {World} world */
export function machines(world) {
  const nodes = [...world.nodes.values()];
  const keys = [...new Set(nodes.flatMap((node) => Object.keys(node.kv)))].sort();
  if (keys.length === 0) return h('p', { class: 'quiet' }, 'Nothing is applied anywhere. An entry must be committed first.');
  return h('table', { class: 'list' },
    h('caption', null, 'What each server would answer from its own state machine'),
    h('thead', null, h('tr', null, h('td', null), nodes.map((node) => h('th', { scope: 'col', key: node.id }, nodeName(node.id))))),
    h('tbody', null,
      keys.map((key) => h('tr', { key }, h('th', { scope: 'row', class: 'mono' }, short(key, 16)),
        nodes.map((node) => h('td', { class: 'mono', key: node.id }, node.kv[key] === undefined ? '·' : short(node.kv[key], 10))))),
      h('tr', { key: ' applied' }, h('th', { scope: 'row' }, 'applied'), nodes.map((node) => h('td', { key: node.id }, node.up ? node.applied : 'down')))));
}

/** @param {Check[]} checks */
export function checkList(checks) {
  return h('ul', { class: 'checks' }, checks.map((check) => h('li', { key: check.name, class: check.ok ? 'ok' : 'broken' },
    h('span', { class: 'mark' }, check.ok ? '✓' : '✗'), h('span', null, h('strong', null, check.name), check.ok ? ' holds' : ' is broken'),
    check.what && h('p', null, check.what))));
}

/** Rules that can be left out, where they stand, and the property that each is for. @type {[string, string, string][]} */
const RULES = [
  ['prev_check', 'An append is taken only behind an entry that is here with the same term', '5.3, for Log Matching'],
  ['truncate_only_on_conflict', 'An append deletes only what conflicts with it', '5.3, for Leader Completeness'],
  ['commit_only_verified', 'A follower commits only what it checked against its leader\'s log', '5.3, for State Machine Safety'],
  ['one_vote', 'One vote a term', '5.2, for Election Safety'],
  ['up_to_date', 'A vote goes only to a log that is at least as up to date', '5.4.1, for Leader Completeness'],
  ['old_term_count', 'A leader counts copies of entries of its own term only', '5.4.2, for Leader Completeness'],
  ['joint', 'Old and new voters must both agree before the new ones alone do', '6, so that majorities meet'],
];
/** @type {[string, string][]} */
const FEATURES = [['pre_vote', 'PreVote (thesis 9.6)'], ['check_quorum', 'CheckQuorum (thesis 6.2)'], ['stickiness', 'Loyal followers (thesis 4.2.3)'], ['noop', 'A leader\'s no-op (section 8)']];

/** @param {Run} run @param {boolean} live @param {(run: Run, why: string) => void} change */
export function settings(run, live, change) {
  const off = run.rules_off ?? [];
  const flip = (/** @type {string} */ rule) => () => {
    const next = off.includes(rule) ? off.filter((/** @type {string} */ one) => one !== rule) : [...off, rule];
    change({ ...run, rules_off: next }, off.includes(rule) ? `${rule} on` : `without ${rule}`);
  };
  return h('div', { class: 'settings' },
    h('h3', null, 'Rules'),
    h('p', { class: 'hint' }, 'Leave one out, and the same run is played again without it. What falls then is shown under Checks.'),
    RULES.map(([name, text, section]) => h('label', { key: name }, h('input', { type: 'checkbox', checked: !off.includes(name), disabled: !live, onchange: flip(name) }),
      h('span', null, text, ' ', h('span', { class: 'section' }, `§ ${section}`)))),
    h('h3', null, 'Refinements'),
    h('p', { class: 'hint' }, 'Each is safe without.'),
    FEATURES.map(([name, text]) => h('label', { key: name }, h('input', {
      type: 'checkbox', checked: run.features[name], disabled: !live,
      onchange: () => change({ ...run, features: { ...run.features, [name]: !run.features[name] } }, `${name} ${run.features[name] ? 'off' : 'on'}`),
    }), h('span', null, text))),
    live && numbers(run, change));
}

/** @param {Run} run @param {(run: Run, why: string) => void} change */
function numbers(run, change) {
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const value = (/** @type {string} */ name) => Number(form.get(name));
    change({
      ...run, seed: value('seed'), members: value('members'),
      timing: { ...run.timing, election_timeout: value('T') * 1000, heartbeat: value('heartbeat') * 1000 },
      network: { ...run.network, delay_min: value('least') * 1000, delay_max: value('most') * 1000, loss: value('loss') * 10 },
      script: [],
    }, 'new settings');
  };
  const field = (/** @type {string} */ name, /** @type {string} */ text, /** @type {number} */ value, /** @type {number} */ most) => h('label', { class: 'number', key: name },
    h('span', null, text), h('input', { type: 'number', name, min: 0, max: most, step: 'any', mounted: (/** @type {any} */ el) => (el.value = value) }));
  return h('form', { key: JSON.stringify([run.seed, run.members, run.timing, run.network]), onsubmit: submit },
    h('h3', null, 'A new run'),
    h('div', { class: 'numbers' },
      field('members', 'Servers', run.members, 9), field('seed', 'Seed', run.seed, 2 ** 53),
      field('T', 'Least election timeout, ms', run.timing.election_timeout / 1000, 60_000), field('heartbeat', 'Heartbeat, ms', run.timing.heartbeat / 1000, 60_000),
      field('least', 'Least delay, ms', run.network.delay_min / 1000, 60_000), field('most', 'Most delay, ms', run.network.delay_max / 1000, 60_000),
      field('loss', 'Lost messages, %', run.network.loss / 10, 100)),
    h('button', { type: 'submit' }, 'Start'));
}
