// A short trace made by hand, word by word: an election, a command, a crash. No rule of Raft is applied here; it says what an
// engine might say, so that the page can be tried without one.

/** @import {Event, Flight, NodeDelta, NodeView, Trace, WorldView, Fields, CarriedEntry} from '../types.js' */

/** @param {number} id @returns {NodeView} */
function node(id) {
  return {
    id, up: true, life: 1, member: 'voter', role: 'follower', term: 0, vote: null, leader: null,
    timer: { kind: 'election', from: 0, until: 40_000 + 30_000 * ((id + 3) % 5) }, log: { first: 1, before: 0, terms: [], commands: [], kinds: [] },
    durable: 0, commit: 0, applied: 0, snapshot: 0, config: { index: 0, old: [1, 2, 3, 4, 5], new: null, learners: [], wanted: [] },
    peers: {}, votes: {}, transfer: null, kv: {},
  };
}

const checks = ['Election Safety', 'Leader Append-Only', 'Log Matching', 'Leader Completeness', 'State Machine Safety', 'Linearizability']
  .map((name) => ({ name, ok: true }));

/** @returns {{run: any, trace: Trace}} */
export function made() {
  /** @type {WorldView} */
  const world = { nodes: [1, 2, 3, 4, 5].map(node), links: [], flights: [], clients: [], checks };
  /** @type {Event[]} */
  const events = [];
  let [n, msg] = [10, 0];
  /** @param {number} t @param {string} kind @param {number} at @param {string} text @param {Partial<Event>} [more] */
  const happens = (t, kind, at, text, more = {}) => events.push({ n: (n += 3), t, kind, node: at, text, ...more });
  /** @param {number} t @param {number} from @param {number} to @param {string} kind @param {Fields} fields @param {CarriedEntry[]} [entries] @returns {Flight} */
  const flight = (t, from, to, kind, fields, entries) =>
    ({ id: ++msg, from, to, kind, term: 1, sent: t, arrives: t + 10_000 + ((from * 7 + to * 13 + msg * 5) % 5) * 1000, fields, ...(entries && { entries }) });
  const others = [1, 3, 4, 5];

  const asked = others.map((to) => flight(40_000, 2, to, 'RequestVote', [['candidateId', 'n2'], ['lastLogIndex', '0'], ['lastLogTerm', '0']]));
  happens(40_000, 'candidate', 2, 'n2 stands for election in term 1', {
    nodes: [{ id: 2, role: 'candidate', term: 1, vote: 2, votes: { 2: true }, timer: { kind: 'election', from: 40_000, until: 260_000 } }], sent: asked,
    why: { rule: 'Election timeout', section: 'paper 5.2', text: 'It heard from no leader for a whole election timeout.', values: [['timeout', '40 ms'], ['heard', 'nobody']] },
  });
  const answers = asked.map((one) => flight(one.arrives ?? 0, one.to, 2, 'RequestVoteReply', [['voteGranted', one.to === 4 ? 'false' : 'true']]));
  asked.forEach((one, i) => happens(one.arrives ?? 0, one.to === 4 ? 'vote_refused' : 'vote', one.to, `n${one.to} ${one.to === 4 ? 'refuses its vote' : 'votes for n2'} in term 1`, {
    nodes: [{ id: one.to, term: 1, vote: one.to === 4 ? null : 2, timer: { kind: 'election', from: one.arrives ?? 0, until: 330_000 } }],
    gone: [{ id: one.id, how: 'arrived' }], sent: [answers[i]], msg: one.id,
    why: { rule: 'One vote a term', section: 'paper 5.2', text: 'It has not voted in this term, and the candidate\'s log is as good as its own.', values: [['candidate', '0@0'], ['own last', '0@0']] },
  }));
  /** @type {Record<number, boolean>} */
  const votes = { 2: true };
  for (const one of [...answers].sort((a, b) => (a.arrives ?? 0) - (b.arrives ?? 0))) {
    votes[one.from] = one.from !== 4;
    happens(one.arrives ?? 0, 'counted', 2, `n2 counts the answer of n${one.from}`, { nodes: [{ id: 2, votes: { ...votes } }], gone: [{ id: one.id, how: 'arrived' }], msg: one.id });
  }
  events.sort((a, b) => a.t - b.t);
  const noop = { index: 1, term: 1, command: '', kind: /** @type {const} */ ('noop') };
  const sent = others.map((to) => flight(66_000, 2, to, 'AppendEntries', [['prevLogIndex', '0'], ['prevLogTerm', '0'], ['leaderCommit', '0']], [noop]));
  happens(66_000, 'leader', 2, 'n2 leads term 1', {
    nodes: [{
      id: 2, role: 'leader', leader: 2, votes: {}, timer: { kind: 'heartbeat', from: 66_000, until: 116_000 },
      log: { first: 1, before: 0, keep: 0, terms: [1], commands: [''], kinds: ['noop'] },
      peers: Object.fromEntries(others.map((id) => [id, { next: 2, match: 0, state: 'probe' }])),
    }], sent, why: { rule: 'Majority of votes', section: 'paper 5.2', text: 'More than half of the voters voted for it.', values: [['votes', '3 of 5'], ['needed', '3']] },
  });
  append(sent, 70_000, noop, 1, { '': '' });
  const put = { index: 2, term: 1, command: 'x=3', kind: /** @type {const} */ ('command') };
  happens(95_000, 'ask', 2, 'a client asks n2: set x=3', { clients: [{ request: 1, node: 2, asks: 'set x=3', asked: 95_000, arrives: 103_000, answered: null, told: null, answer: null, state: 'waiting' }] });
  const second = others.map((to) => flight(103_000, 2, to, 'AppendEntries', [['prevLogIndex', '1'], ['prevLogTerm', '1'], ['leaderCommit', '1']], [put]));
  happens(103_000, 'append', 2, 'n2 appends 2@1: x=3', { nodes: [{ id: 2, log: { first: 1, before: 0, keep: 1, terms: [1], commands: ['x=3'], kinds: ['command'] } }], sent: second });
  happens(104_000, 'down', 4, 'n4 crashes', { nodes: [{ id: 4, up: false, role: 'follower', leader: null, timer: null, kv: {} }], links: [{ from: 1, to: 5, up: false, lost: [] }] });
  append(second, 106_000, put, 2, { x: '3' });
  return { run: RUN, trace: { from: 0, until: 1_000_000, end: 1_000_000, world, events, digest: '0123456789abcdef' } };

  /** @param {Flight[]} flights @param {number} t @param {CarriedEntry} entry @param {number} index @param {Record<string, string>} kv */
  function append(flights, t, entry, index, kv) {
    happens(t, 'durable', 2, `n2's disk has ${index}@1`, { nodes: [{ id: 2, durable: index }] });
    flights.sort((a, b) => (a.arrives ?? 0) - (b.arrives ?? 0));
    const replies = flights.map((one) => flight((one.arrives ?? 0) + 2000, one.to, 2, 'AppendEntriesReply', [['success', 'true'], ['matchIndex', String(index)]]));
    /** @type {[number, () => void][]} */
    const later = [];
    flights.forEach((one, i) => {
      const down = one.to === 4 && index === 2;
      later.push([one.arrives ?? 0, () => happens(one.arrives ?? 0, down ? 'lost' : 'accept', one.to, down ? 'n4 is down: the message is lost' : `n${one.to} appends ${index}@1`, {
        nodes: down ? [] : [{ id: one.to, leader: 2, log: { first: 1, before: 0, keep: index - 1, terms: [1], commands: [entry.command], kinds: [entry.kind] } }],
        gone: [{ id: one.id, how: down ? 'nobody_there' : 'arrived' }],
      })]);
      if (down) return;
      later.push([replies[i].sent, () => happens(replies[i].sent, 'durable', one.to, `n${one.to}'s disk has ${index}@1`, { nodes: [{ id: one.to, durable: index }], sent: [replies[i]] })]);
      later.push([replies[i].arrives ?? 0, () => matched(replies[i], index, i, kv)]);
    });
    later.sort((a, b) => a[0] - b[0]).forEach(([, does]) => does());
  }

  /** @param {Flight} reply @param {number} index @param {number} i @param {Record<string, string>} kv */
  function matched(reply, index, i, kv) {
    const t = reply.arrives ?? 0;
    /** @type {NodeDelta} */
    const delta = { id: 2, peers: Object.fromEntries(others.map((id, at) => [id, { next: index + 1, match: at <= i ? index : index - 1, state: 'replicate' }])) };
    if (i === 1) Object.assign(delta, { commit: index, applied: index, kv: index > 1 ? kv : {} });
    happens(t, i === 1 ? 'commit' : 'match', 2, i === 1 ? `n2 commits ${index}: three of five have it` : `n2 learns that n${reply.from} has ${index}`, {
      nodes: [delta], gone: [{ id: reply.id, how: 'arrived' }],
      ...(i === 1 && { why: { rule: 'Commit', section: 'paper 5.3, 5.4.2', text: 'A majority has the entry on disk, and it is of the leader\'s own term.', values: [[`log[${index}].term`, '1'], ['currentTerm', '1'], ['on disks', '3 of 5']] } }),
      ...(i === 1 && index === 2 && { clients: [{ request: 1, node: 2, asks: 'set x=3', asked: 95_000, arrives: 103_000, answered: t, told: t + 9000, answer: 'done', state: /** @type {const} */ ('done') }] }),
    });
  }
}

export const RUN = {
  v: 1, seed: 8, members: 5, timing: { election_timeout: 150_000, heartbeat: 50_000, calm_at: 0, disk: 2000 },
  network: { delay_min: 10_000, delay_max: 15_000, loss: 0 }, features: { pre_vote: true, check_quorum: true, stickiness: true, noop: true }, script: [],
};

export const STORY = {
  id: 'made', title: 'First election', paper: '5.2', run: RUN, end: 200_000,
  captions: [
    { t: 10_000, text: 'Nobody leads yet. Each server waits a random time; n2\'s runs out first.', section: '5.2' },
    { t: 40_000, text: 'n2 raises its term, votes for itself and asks the others.', section: '5.2' },
    { t: 66_000, text: 'Three of five is a majority: n2 leads term 1, and says so at once.', section: '5.2' },
    { t: 103_000, text: 'Stored on one server is a hope. Stored on three of five is a promise.', section: '5.3' },
  ],
};
