// What is selected, in full: a node, a message, an entry or a link, with what can be done to it.
//
// It shows values and offers acts; what comes of them, the engine says.

/** @import {NodeView, Flight, World, Selection} from '../types.js' */
import { h } from '../common/dom.js';
import { acts, crashOrRestart, toggleDirection, toggleLink } from './acts.js';
import { tableHead } from './clients.js';
import { linkSentence } from './ring.js';
import { entryText, holds, kindName, nodeName, names, roleName, span, clock } from './words.js';
import { lastIndex, termAt } from './world.js';

/**
 * @typedef {object} Hands
 * @property {boolean} live whether anything can be done
 * @property {(what: any[]) => void} act
 * @property {(selected: Selection) => void} select
 * @property {(name: string) => void} open a dialog
 */

/** @param {World} world @param {Selection} selected @param {number | null} other @param {number} t @param {Hands} hands */
export function inspector(world, selected, other, t, hands) {
  if (selected?.kind === 'node') {
    const node = world.nodes.get(selected.id);
    if (node) return nodeDetails(world, node, other, t, hands);
  }
  if (selected?.kind === 'flight') {
    const flight = world.flights.get(selected.id);
    return flight ? flightDetails(flight, t, hands) : quiet('This message is not on its way at this moment.');
  }
  if (selected?.kind === 'entry') return entryDetails(world, selected.node, selected.index, hands);
  if (selected?.kind === 'link') return linkDetails(world, selected.from, selected.to, hands);
  return overview(world, hands);
}

/** All servers in a table, while none is chosen: the scene once more, for reading. @param {World} world @param {Hands} hands */
function overview(world, hands) {
  return h('div', { class: 'details', key: 'all' },
    h('table', { class: 'list' }, tableHead(['Server', 'is', 'term', 'vote', 'last', 'commit', 'applied']),
      h('tbody', null, [...world.nodes.values()].map((node) => h('tr', { key: node.id },
        h('th', { scope: 'row' }, h('button', { class: 'plain', onclick: () => hands.select({ kind: 'node', id: node.id }) }, nodeName(node.id))),
        [roleName(node), node.term, node.vote === null ? '–' : nodeName(node.vote), lastIndex(node.log), node.commit, node.up ? node.applied : '–']
          .map((value) => h('td', null, value)))))),
    h('p', { class: 'hint' }, 'Click what you want to look at, or press 1 to 9 for a server, M for messages. Keys and shapes: ?'),
    hands.live && h('p', { class: 'acts' }, button('Align timers', () => hands.act([acts.align()]), 'A'), button('Spread timers', () => hands.act([acts.spread()]), 'E')));
}

/** @param {string} text */
const quiet = (text) => h('p', { class: 'quiet' }, text);

/** @param {string} text @param {() => void} action @param {string} [key] */
const button = (text, action, key) => h('button', { key: text, onclick: action, title: key ? `Key ${key}` : null }, text, key && h('kbd', null, key));

/** @param {[string, any][]} rows */
function facts(rows) {
  return h('dl', { class: 'facts' }, rows.map(([name, value]) => h('div', { key: name }, h('dt', null, name), h('dd', null, value))));
}

/** @param {World} world @param {NodeView} node @param {number | null} other @param {number} t @param {Hands} hands */
function nodeDetails(world, node, other, t, hands) {
  const last = lastIndex(node.log);
  return h('div', { class: 'details', key: `node ${node.id}` },
    h('h3', null, nodeName(node.id), ' ', h('span', { class: 'role' }, roleName(node))),
    hands.live && nodeActions(world, node, other, hands),
    facts([
      ['term', node.term], ['vote', node.vote === null ? 'none' : nodeName(node.vote)],
      ['leader', node.leader === null ? 'not known' : nodeName(node.leader)],
      ['last', last > 0 ? `${last}@${termAt(node.log, last)}` : 'empty'],
      ['durable', node.durable], ['commit', node.commit], ['applied', node.applied], ['snapshot', node.snapshot || 'none'],
      ...(node.up && node.timer ? [/** @type {[string, any]} */ ([node.timer.kind === 'election' ? 'stands in' : 'heartbeat in', span(Math.max(0, node.timer.until - t))])] : []),
      ['voters', node.config.new ? `${names(node.config.old)} and ${names(node.config.new)}` : names(node.config.old)],
      ...(node.config.learners.length ? [/** @type {[string, any]} */ (['learners', names(node.config.learners)])] : []),
    ]),
    Object.keys(node.peers).length > 0 && peerTable(node),
    last >= node.log.first && h('p', { class: 'acts' },
      button('Look at its last entry', () => hands.select({ kind: 'entry', node: node.id, index: last }), 'I')));
}

/** @param {World} world @param {NodeView} node @param {number | null} other @param {Hands} hands */
function nodeActions(world, node, other, hands) {
  const { act } = hands;
  const n = node.id;
  return h('p', { class: 'acts' },
    button(node.up ? 'Crash' : 'Restart', () => act([crashOrRestart(world, n)]), 'C'),
    node.up && button('Time out', () => act([acts.timeout(n)]), 'T'),
    node.up && button('Command', () => hands.open('command'), 'S'),
    node.up && button('Power loss', () => act([acts.powerLoss(n)]), 'B'),
    other !== null && other !== n && [
      button(`${isCut(world, n, other) || isCut(world, other, n) ? 'Mend' : 'Cut'} ${nodeName(other)} — ${nodeName(n)}`, () => act(toggleLink(world, n, other)), 'X'),
      oneWay(world, other, n, act, 'Y')],
    button('Lose its disk', () => act([acts.wipe(n)])),
    node.up && button('Slow disk', () => act([acts.slowDisk(n)])),
    node.up && button('Pause ½ s', () => act([acts.pause(n)])),
    node.up && node.role === 'leader' && button('Hand over', () => act([acts.transfer(n)])),
    node.up && node.role === 'follower' && node.member === 'voter' && button('Let it lead', () => act([acts.transfer(0, n)]), 'O'),
    node.up && button('Snapshot', () => act([acts.snapshot(n)]), 'N'));
}

/** @param {World} world @param {number} a @param {number} b */
const isCut = (world, a, b) => world.links.some((link) => link.from === a && link.to === b && !link.up);

/** @param {World} world @param {number} from @param {number} to @param {Hands['act']} act @param {string} [key] */
function oneWay(world, from, to, act, key) {
  return button(`${isCut(world, from, to) ? 'Mend' : 'Cut'} ${nodeName(from)} → ${nodeName(to)}`, () => act([toggleDirection(world, from, to)]), key);
}

/** @param {NodeView} node */
function peerTable(node) {
  return h('table', { class: 'list' },
    h('caption', null, 'What it knows of the others'),
    tableHead(['', 'match ●', 'next ▲', 'sends by']),
    h('tbody', null, Object.entries(node.peers).map(([id, peer]) => h('tr', { key: id },
      h('th', { scope: 'row' }, nodeName(Number(id))), h('td', null, peer.match), h('td', null, peer.next), h('td', null, peer.state)))));
}

/** @param {Flight} flight @param {number} t @param {Hands} hands */
function flightDetails(flight, t, hands) {
  const { act } = hands;
  const arrives = flight.arrives === undefined ? 'waits' : `in ${span(Math.max(0, flight.arrives - t))}`;
  return h('div', { class: 'details', key: `flight ${flight.id}` },
    h('h3', null, kindName(flight), ' ', h('span', { class: 'role' }, `${nodeName(flight.from)} → ${nodeName(flight.to)}`)),
    hands.live && h('p', { class: 'acts' },
      button('Drop', () => act([acts.drop(flight.id)]), 'D'),
      button('Delay 100 ms', () => act([acts.delay(flight.id)]), 'W'),
      button('Duplicate', () => act([acts.duplicate(flight.id)]), 'U')),
    facts([
      ...(flight.term > 0 ? [/** @type {[string, any]} */ (['term', flight.term])] : []),
      ...flight.fields,
      ['sent', clock(flight.sent)],
      flight.lost_at !== undefined ? ['is lost at', clock(flight.lost_at)] : ['arrives', arrives],
      ...(flight.copy_of ? [/** @type {[string, any]} */ (['copy of', `message ${flight.copy_of}`])] : []),
      ...(flight.id < 1e9 ? [/** @type {[string, any]} */ (['message', flight.id])] : []),
    ]),
    flight.entries && flight.entries.length > 0 && h('table', { class: 'list' }, h('caption', null, 'Entries'),
      h('tbody', null, flight.entries.map((entry) => h('tr', { key: entry.index },
        h('th', { scope: 'row' }, `${entry.index}@${entry.term}`), h('td', { class: 'mono' }, entryText(entry)))))));
}

/** @param {World} world @param {number} id @param {number} index @param {Hands} hands */
function entryDetails(world, id, index, hands) {
  const node = world.nodes.get(id);
  const term = node && termAt(node.log, index);
  if (!node || term === undefined || index < node.log.first) return quiet(`${nodeName(id)} has no entry ${index} at this moment.`);
  const i = index - node.log.first;
  const all = [...world.nodes.values()];
  const to = (/** @type {number} */ by) => () => hands.select({ kind: 'entry', node: id, index: index + by });
  return h('div', { class: 'details', key: 'entry' },
    h('h3', null, `Entry ${index}@${term}`, ' ', h('span', { class: 'role' }, `on ${nodeName(id)}`)),
    h('p', { class: 'acts' },
      index > node.log.first && button('◀ Entry before', to(-1)),
      index < lastIndex(node.log) && button('Entry after ▶', to(1))),
    facts([
      ['says', entryText({ command: node.log.commands[i], kind: node.log.kinds[i] })],
      ['kind', node.log.kinds[i]],
      ['on this disk', index <= node.durable ? 'yes' : 'not yet'],
      ['committed', index <= node.commit ? `yes, ${nodeName(id)} knows` : `not that ${nodeName(id)} knew`],
      ['applied', index <= node.applied ? 'yes' : 'not yet'],
      ['on the disks of', names(all.filter((one) => holds(one, index, term)).map((one) => one.id))],
    ]));
}

/** @param {World} world @param {number} from @param {number} to @param {Hands} hands */
function linkDetails(world, from, to, hands) {
  const find = (/** @type {number} */ a, /** @type {number} */ b) => world.links.find((link) => link.from === a && link.to === b);
  return h('div', { class: 'details', key: 'link' },
    h('h3', null, `${nodeName(from)} — ${nodeName(to)}`),
    h('p', null, linkSentence(from, to, find(from, to), find(to, from)) + '.'),
    hands.live && h('p', { class: 'acts' },
      button('Both directions', () => hands.act(toggleLink(world, from, to)), 'X'), oneWay(world, from, to, hands.act), oneWay(world, to, from, hands.act)));
}
