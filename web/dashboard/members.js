// The members: what each believes, how far its log is, and what is wrong with it. Rows that do not answer stay, with their age and the
// cause.
//
// It shows differences as they are; who is right is not decided here.

/** @import {VNode} from '../common/dom.js' */
/** @import {Cluster, Row, MemberView, Follower} from './feed.js' */
/** @import {Copy} from './panel.js' */
import { h } from '../common/dom.js';
import { axis, bar, barLegend } from './bars.js';
import { leaderOf } from './feed.js';
import { nameOf } from './headline.js';
import { panel } from './panel.js';
import { grouped, lasting, sized, termClass } from './words.js';

/** @param {Cluster} cluster @param {Copy} copy @returns {VNode} */
export function membersView(cluster, copy) {
  const leader = leaderOf(cluster);
  const range = axis(cluster.rows);
  return panel({ id: 'members', title: 'Members', of: 'and what each of them says', endpoint: '/api/cluster/status', data: () => cluster, copy },
    h('table', { class: 'members' },
      h('thead', null, h('tr', null, h('th', null, 'member'), h('th', null, 'says leader'), h('th', null, `log, entries ${grouped(range.from)} to ${grouped(range.until)}`), h('th', null, 'behind'))),
      cluster.rows.map((row) => h('tbody', { key: row.node, class: row.error ? 'stale' : '', 'data-node': row.node }, memberRow(cluster, row, leader, range), causeRow(cluster, row)))),
    barLegend(), majorities(cluster, leader), alone(cluster, copy), numbers(cluster, leader));
}

/** @param {Cluster} cluster @param {Row} row @param {MemberView | null} leader @param {{from: number, until: number}} range */
function memberRow(cluster, row, leader, range) {
  const { view } = row;
  return h('tr', { key: 'row' },
    h('th', { scope: 'row', class: 'who' }, shape(row), h('span', { class: 'name' }, nameOf(cluster, row.node)),
      h('span', { class: 'part' }, view?.standing === 'leader' && !row.error ? 'leader' : standingOf(row))),
    h('td', { class: 'belief' }, view ? belief(cluster, row, view, leader) : '–'),
    h('td', { class: 'log' }, view && bar(view, range), view && h('span', { class: 'ends' }, `commit ${grouped(view.commit)} of ${grouped(view.last)}`)),
    h('td', { class: 'behind' }, lag(row, leader)));
}

/** @param {Row} row */
function standingOf({ part, view, error }) {
  if (error || !view || view.standing === 'follower') return part;
  return `${part}, ${view.standing}`;
}

/** What is wrong, in words, below the row. @param {Cluster} cluster @param {Row} row */
function causeRow(cluster, row) {
  const problems = cluster.headline.problems.filter((problem) => problem.node === row.node);
  const age = row.error && row.view ? ` What is shown of it is ${lasting(row.age_ms)} old.` : '';
  if (problems.length === 0) return null;
  return h('tr', { key: 'cause', class: 'cause' }, h('td', { colspan: 4 }, `${nameOf(cluster, row.node)} ${problems.map((problem) => problem.text).join('; ')}.${age}`));
}

/** @param {Cluster} cluster @param {Row} row @param {MemberView} view @param {MemberView | null} leader */
function belief(cluster, row, view, leader) {
  const differs = !row.error && leader && (view.leader !== leader.node || view.term !== leader.term);
  return h('span', { class: differs ? 'differs' : '' }, h('b', null, view.leader === null ? 'nobody' : nameOf(cluster, view.leader)),
    h('span', { class: `term-tag ${termClass(view.term)}` }, `t${view.term}`));
}

/** @param {Row} row @param {MemberView | null} leader */
function lag(row, leader) {
  const one = leader?.followers.find((follower) => follower.node === row.node);
  if (!one) return leader ? h('span', { class: 'quiet none' }, '–') : h('span', { class: 'quiet' }, 'not known: nobody leads');
  return [h('span', { key: 'lag', class: one.behind > 0 ? 'lag' : 'lag quiet' }, howFar(one)), h('span', { key: 'state', class: 'state' }, stateOf(one))];
}

/** @param {Follower} one */
function howFar(one) {
  if (one.behind === 0) return '0 entries, 0 ms';
  // A new leader knows nothing of a log until its owner answers.
  if (one.match === 0 && !one.heard) return 'not known yet';
  return `${grouped(one.behind)} entries, ${one.behind_ms < 1000 ? `${one.behind_ms} ms` : lasting(one.behind_ms)}`;
}

/** How the leader sends to it. @param {Follower} one */
function stateOf(one) {
  if (!one.heard) return 'does not answer the leader';
  if (one.snapshot_sent !== null && one.snapshot_bytes) {
    return `receiving a snapshot: ${Math.floor((100 * one.snapshot_sent) / one.snapshot_bytes)} % of ${sized(one.snapshot_bytes)}`;
  }
  return { probe: 'probing where the logs agree', replicate: 'replicating', snapshot: 'receiving a snapshot' }[one.state] ?? one.state;
}

/** Role = shape, as in the explorer. @param {Row} row */
function shape({ view, error, part }) {
  const standing = error ? 'down' : view?.standing ?? 'down';
  const kids = part === 'learner' || part === 'joining'
    ? [h('rect', { key: 'body', class: 'body', x: 4, y: 4, width: 16, height: 16, rx: 2 })]
    : [h('circle', { key: 'body', class: 'body', cx: 12, cy: 12, r: 9 })];
  if (standing === 'leader') kids.push(h('circle', { key: 'ring', class: 'ring', cx: 12, cy: 12, r: 11 }), h('path', { key: 'crown', class: 'crown', d: 'M6.5 15.5V9l3 2.5L12 7.5l2.5 4L17.5 9v6.5Z' }));
  if (standing === 'down') kids.push(h('path', { key: 'cross', class: 'cross', d: 'M6 6l12 12M18 6L6 18' }));
  return h('svg', { class: `shape ${standing} ${termClass(view?.term ?? 0)}`, width: 24, height: 24, viewBox: '0 0 24 24', 'aria-hidden': 'true' }, kids);
}

/** Whether each set of voters has its majority; two sets while a change is joint. @param {Cluster} cluster @param {MemberView | null} leader */
function majorities(cluster, leader) {
  const own = leader ?? cluster.rows.find((row) => row.node === cluster.viewer)?.view;
  if (!own) return null;
  const { voters, voters_old: old, stage, wanted, index, committed } = own.configuration;
  const answers = (/** @type {number} */ node) => {
    const follower = leader?.followers.find((one) => one.node === node);
    if (leader) return node === leader.node || Boolean(follower?.heard);
    return !cluster.rows.find((row) => row.node === node)?.error;
  };
  const set = (/** @type {string} */ name, /** @type {number[]} */ nodes) => {
    const count = nodes.filter(answers).length;
    const needed = Math.floor(nodes.length / 2) + 1;
    return h('li', { key: name, class: count >= needed ? 'has' : 'lacks' }, h('span', { class: 'set-name' }, name),
      nodes.map((node) => h('span', { key: node, class: answers(node) ? 'tick' : 'tick no' }, `${answers(node) ? '✓' : '✗'} ${nameOf(cluster, node)}`)),
      h('span', { class: 'quiet' }, `${count} of ${nodes.length} answer, ${needed} needed`));
  };
  const joint = old.length > 0;
  return h('div', { key: 'majorities', class: 'majorities' },
    joint && h('p', { class: 'joint' }, `The members change (joint, since index ${grouped(index)}${committed ? '' : ', not committed'}): each decision needs both majorities.`),
    stage === 'catching up' && h('p', { class: 'joint' }, `The members change: ${wanted.filter((node) => !voters.includes(node)).map((node) => nameOf(cluster, node)).join(', ') || 'new voters'} must catch up first.`),
    h('ul', null, joint ? [set('old majority', old), set('new majority', voters)] : set('majority', voters)));
}

/** A single member is told how to become three. @param {Cluster} cluster @param {Copy} copy */
function alone(cluster, copy) {
  if (cluster.rows.length > 1) return null;
  const here = cluster.rows[0]?.client_urls[0]?.replace(/^https?:\/\/|\/+$/g, '') ?? 'HOST:2379';
  const line = `quorate ctl --endpoints ${here} member add n2 --peer-urls http://HOST:2380`;
  return h('div', { key: 'alone', class: 'teach' },
    h('p', null, 'One member survives no failure, and three survive one. Add two more, one after the other, each with its own name and host:'),
    h('pre', null, h('code', null, line)),
    h('p', null, h('button', { class: 'link', onclick: () => copy.take('alone', line) }, 'copy the command'), ' ', h('span', { role: 'status' }, copy.id === 'alone' ? copy.said : ''),
      ' It answers with the command that starts the new one, and a member votes by itself once it has caught up.'));
}

const NUMBERS = /** @type {[string, (view: MemberView) => string][]} */ ([
  ['snapshot', (view) => grouped(view.snapshot)], ['log from', (view) => grouped(view.base + 1)], ['applied', (view) => grouped(view.applied)],
  ['commit', (view) => grouped(view.commit)], ['durable', (view) => grouped(view.durable)], ['last', (view) => grouped(view.last)],
]);

/** The same in figures. @param {Cluster} cluster @param {MemberView | null} leader */
function numbers(cluster, leader) {
  const known = (/** @type {number} */ node) => leader?.followers.find((one) => one.node === node);
  return h('details', { key: 'numbers' }, h('summary', null, 'All numbers'),
    h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'All numbers' }, h('table', { class: 'list' },
      h('thead', null, h('tr', null, h('th', null, 'member'), NUMBERS.map(([name]) => h('th', { key: name }, name)), h('th', null, 'match, next at the leader'), h('th', null, 'version'))),
      h('tbody', null, cluster.rows.map((row) => h('tr', { key: row.node }, h('th', { scope: 'row' }, nameOf(cluster, row.node), ` (n${row.node})`),
        NUMBERS.map(([name, of]) => h('td', { key: name }, row.view ? of(row.view) : '–')),
        h('td', null, known(row.node) ? `${grouped(known(row.node)?.match ?? 0)}, ${grouped(known(row.node)?.next ?? 0)}` : '–'),
        h('td', null, row.view?.version ?? '–')))))));
}
