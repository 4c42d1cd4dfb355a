// What the shapes mean, drawn by the same hands that draw them on the ring.
//
// It knows examples, nothing of a run.

/** @import {Flight} from '../types.js' */
import { h } from '../common/dom.js';
import { shape, termClass } from './flights.js';

/** @type {[string, Partial<Flight>][]} */
const MESSAGES = [
  ['would you vote for me? (PreVote)', { kind: 'PreVote' }], ['vote for me (RequestVote)', { kind: 'RequestVote' }],
  ['the vote, given or refused', { kind: 'RequestVoteReply', fields: [['voteGranted', 'yes']] }],
  ['heartbeat', { kind: 'AppendEntries' }],
  ['entries, each with its term', { kind: 'AppendEntries', entries: [{ index: 1, term: 1, command: '', kind: 'noop' }, { index: 2, term: 3, command: '', kind: 'command' }] }],
  ['taken, or refused', { kind: 'AppendEntriesReply', fields: [['success', 'no']] }],
  ['a snapshot', { kind: 'InstallSnapshot' }], ['stand at once (TimeoutNow)', { kind: 'TimeoutNow' }],
  ['passed on for a client: Write, Read …', { kind: 'Write' }],
];

/** Roles, as classes of a node. @type {[string, string][]} */
const ROLES = [
  ['leader', 'leads'], ['follower', 'follows'], ['candidate', 'stands for election'], ['pre-candidate', 'asks whether it would win'],
  ['learner', 'learns, without a vote'], ['down', 'down'],
];

/** @param {any} part of a message */
const sketch = (part) => h('svg', { viewBox: '-22 -15 44 30', width: 44, height: 30, 'aria-hidden': 'true' },
  h('g', { class: `flight ${termClass(3)}` }, shape({ fields: [], ...part })));

/** The kinds of messages that are on their way, each with its shape. @param {string} list as `heartbeat,PreVoteReply ✓` */
export function kindsLegend(list) {
  return h('p', { class: 'legend kinds' }, list && list.split(',').map((name) => {
    const [word, mark] = name.split(' ');
    const [kind, entries] = word === 'heartbeat' ? ['AppendEntries', []] : [word, [{ term: '' }]];
    return h('span', { class: 'sample', key: name }, sketch({ kind, entries, term: '', fields: [['success', mark === '✗' ? 'no' : 'yes']] }), name);
  }));
}

export function shapeLegend() {
  return h('section', { key: 'shapes', class: 'shapes' }, h('h3', null, 'Shapes'),
    h('ul', null,
      ROLES.map(([role, text]) => h('li', { key: role }, h('svg', { viewBox: '-18 -15 36 30', width: 36, height: 30, 'aria-hidden': 'true' },
        h('g', { class: `node term-1 ${role}` },
          role === 'learner' ? h('rect', { class: 'body', x: -10, y: -10, width: 20, height: 20, rx: 4 }) : h('circle', { class: 'body', r: 11 }),
          role === 'leader' && h('circle', { class: 'inner', r: 7.5 }),
          role === 'down' && h('path', { class: 'cross', d: 'M-8 -8L8 8M8 -8L-8 8' }))), text)),
      MESSAGES.map(([text, part]) => h('li', { key: text }, sketch({ term: 3, ...part }), text))),
    h('p', { class: 'hint' }, 'Colours are terms; the number is always beside them. The arc around a server is what is left of its patience. The ring in the middle '
      + 'shows who has the entry, or gave the vote, that everybody waits for; two rings while two majorities are needed.'));
}
