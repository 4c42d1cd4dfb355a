// The few questions that need a box of their own: help, a client's command, the membership, a partition, sharing.
//
// It knows forms. What is done with an answer, its callers say.

/** @import {World, Step} from '../types.js' */
/** @import {Shortcut} from '../common/keys.js' */
import { h } from '../common/dom.js';
import { acts, namedCommand, wishOf } from './acts.js';
import { tableHead } from './clients.js';
import { shapeLegend } from './legend.js';
import { leaderOf, nodeName } from './words.js';

/** @param {string} title @param {() => void} close @param {...any} content */
export function dialog(title, close, ...content) {
  return h('dialog', {
    key: title, 'aria-labelledby': 'dialog-title', mounted: (/** @type {any} */ el) => queueMicrotask(() => el.isConnected && el.showModal()),
    onclose: close, onclick: (/** @type {any} */ event) => event.target.localName === 'dialog' && close(),
  }, h('div', { class: 'box' },
    h('header', null, h('h2', { id: 'dialog-title' }, title), h('button', { class: 'small', 'aria-label': 'Close', onclick: close }, '✕')),
    content));
}

/** @param {Shortcut[]} table */
export function help(table) {
  const groups = [...new Set(table.map((row) => row.group))];
  return h('div', { class: 'help' }, groups.map((group) => h('section', { key: group }, h('h3', null, group),
    h('table', null, h('tbody', null, table.filter((row) => row.group === group).map((row) =>
      h('tr', { key: row.shown }, h('th', { scope: 'row' }, row.shown.split(' ').map((key) => h('kbd', null, key))), h('td', null, row.says))))))),
  h('section', { key: 'mouse' }, h('h3', null, 'By hand'), h('ul', null,
    ['Click a server, a message, an entry or a link to look at it.', 'Drag across links to cut them; across a cut one to mend it.',
      'Drag from one server to another to cut only that direction.', 'Drag a closed line around servers to part them from the rest.',
      'Drag along the tape to move in time.'].map((text) => h('li', null, text)))),
  shapeLegend());
}

/**
 * @param {World} world
 * @param {Step[]} script what was done so far
 * @param {number} to the member that is selected; 0: none
 * @param {string} error
 * @param {(what: any[]) => void} act
 * @param {(sentence: string) => void} refuse
 */
export function command(world, script, to, error, act, refuse) {
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const wish = wishOf(String(form.get('wish')));
    if ('error' in wish) refuse(wish.error);
    else act(form.has('named') && !('Get' in wish.op) ? namedCommand(script, wish.op, Number(form.get('to'))) : [acts.client(wish.op, Number(form.get('to')))]);
  };
  return h('form', { onsubmit: submit },
    h('label', null, 'Command', h('input', { name: 'wish', autofocus: true, autocomplete: 'off', spellcheck: 'false', mounted: (/** @type {any} */ el) => (el.value = 'x=3') })),
    h('p', { class: 'hint' }, 'x=3, get x, delete x, or cas x 3 4 (if x is 3, make it 4).'),
    h('label', null, 'Asked at', h('select', { name: 'to' }, h('option', { value: '0', selected: to === 0 }, 'the leader'),
      [...world.nodes.values()].map((node) => h('option', { key: node.id, value: String(node.id), selected: to === node.id }, nodeName(node.id))))),
    h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'named' }), h('span', null, 'in a session: asked again, it takes effect once')),
    error && h('p', { class: 'error', role: 'alert' }, error),
    h('button', { class: 'main', type: 'submit' }, 'Ask'));
}

/** @param {World} world @param {(what: any[]) => void} act */
export function membership(world, act) {
  const leader = leaderOf(world);
  const config = leader?.config ?? [...world.nodes.values()][0]?.config;
  const voters = config?.new ?? config?.old ?? [];
  const order = (/** @type {string} */ text, /** @type {any} */ what) => h('button', { key: text, type: 'button', onclick: () => act([acts.order(what)]) }, text);
  const choose = (/** @type {any} */ event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const ids = [...world.nodes.keys()];
    const chosen = (/** @type {string} */ name) => ids.filter((id) => form.get(String(id)) === name);
    act([acts.order({ Set: { voters: chosen('voter'), learners: chosen('learner') } })]);
  };
  const survives = Math.floor((voters.length - 1) / 2);
  return h('div', null,
    h('p', null, `${voters.length} voters, a majority is ${Math.floor(voters.length / 2) + 1}: the cluster survives ${survives} ${survives === 1 ? 'failure' : 'failures'}.`),
    !leader && h('p', { class: 'hint' }, 'Nobody leads: the order waits for a leader.'),
    h('p', { class: 'acts' }, order('Add a voter', { Add: {} }), order('Add a learner', { Add: { learner: true } }),
      order('Remove the leader', { Remove: { n: 0 } }), order('Promote a learner', { Promote: { n: 0 } }), order('Take back', 'TakeBack')),
    h('form', { onsubmit: choose }, h('table', { class: 'list' },
      tableHead(['', 'voter', 'learner', 'no member']),
      h('tbody', null, [...world.nodes.keys()].map((id) => h('tr', { key: id }, h('th', { scope: 'row' }, nodeName(id)),
        ['voter', 'learner', 'none'].map((name) => h('td', null, h('input', {
          type: 'radio', name: String(id), value: name, 'aria-label': `${nodeName(id)} ${name}`,
          mounted: (/** @type {any} */ el) => (el.checked = name === (voters.includes(id) ? 'voter' : config?.learners.includes(id) ? 'learner' : 'none')),
        }))))))),
    h('button', { class: 'main', type: 'submit' }, 'Change to this, in one request')));
}

/** @param {World} world @param {(what: any[]) => void} act */
export function partition(world, act) {
  const ids = [...world.nodes.keys()];
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const groups = ['1', '2', '3'].map((side) => ids.filter((id) => form.get(String(id)) === side)).filter((group) => group.length > 0);
    act([acts.partition(groups)]);
  };
  return h('form', { onsubmit: submit },
    h('p', { class: 'hint' }, 'Only servers of one group hear each other. By hand: drag a closed line around some.'),
    h('table', { class: 'list' }, tableHead(['', 'group 1', 'group 2', 'group 3']),
      h('tbody', null, ids.map((id, i) => h('tr', { key: id }, h('th', { scope: 'row' }, nodeName(id)),
        ['1', '2', '3'].map((side) => h('td', null, h('input', {
          type: 'radio', name: String(id), value: side, 'aria-label': `${nodeName(id)} in group ${side}`,
          mounted: (/** @type {any} */ el) => (el.checked = side === (i < Math.floor(ids.length / 2) ? '1' : '2')),
        }))))))),
    h('button', { class: 'main', type: 'submit' }, 'Part them'));
}

/** @param {string} link @param {string} copied @param {Record<string, () => void>} ways */
export function share(link, copied, ways) {
  return h('div', null,
    h('label', null, 'A link to this moment of this run',
      h('input', { class: 'mono', readonly: true, value: link, onfocus: (/** @type {any} */ event) => event.target.select() })),
    h('p', { class: 'acts' }, h('button', { class: 'main', onclick: ways.copy }, copied || 'Copy link')),
    h('p', { class: 'hint' }, 'The run is in the part behind #, which never leaves the browser. The link works wherever this explorer runs.'),
    h('h3', null, 'As a file'),
    h('p', { class: 'acts' }, Object.entries(ways).filter(([name]) => name !== 'copy').map(([name, action]) => h('button', { key: name, onclick: action }, name))));
}
