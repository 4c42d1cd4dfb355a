// How long a frame takes: seven nodes, sixty messages on their way, two hundred entries of logs, all of it moving.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { serve } from '../tests/serve.js';
import { RUN } from '../tests/made.js';
import { launch } from './harness.js';

const IDS = [1, 2, 3, 4, 5, 6, 7];
const ENTRIES = 30;
const skip = existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium') ? {} : { skip: 'there is no browser' };

/** A world with much in it, made up. @returns {any} */
function busy() {
  const terms = Array.from({ length: ENTRIES }, (_, i) => 1 + Math.floor(i / 8));
  const nodes = IDS.map((id) => ({
    id, up: true, life: 1, member: 'voter', role: id === 1 ? 'leader' : 'follower', term: 4, vote: 1, leader: 1,
    timer: { kind: id === 1 ? 'heartbeat' : 'election', from: 0, until: 2_000_000 },
    log: { first: 1, before: 0, terms, commands: terms.map((_, i) => `x=${i}`), kinds: terms.map(() => 'command') },
    durable: ENTRIES - 1, commit: ENTRIES - 3, applied: ENTRIES - 4, snapshot: 0, config: { index: 0, old: IDS, new: null, learners: [], wanted: [] },
    peers: id === 1 ? Object.fromEntries(IDS.slice(1).map((other) => [other, { next: ENTRIES, match: ENTRIES - 2, state: 'replicate' }])) : {},
    votes: {}, transfer: null, kv: { x: '30', y: '2' },
  }));
  const kinds = ['AppendEntries', 'AppendEntriesReply', 'RequestVote', 'PreVote', 'RequestVoteReply'];
  const flights = Array.from({ length: 60 }, (_, i) => ({
    id: i + 1, from: 1 + (i % 7), to: 1 + ((i + 1 + (i % 5)) % 7), kind: kinds[i % 5], term: 4, sent: 0, arrives: 2_000_000, fields: [['success', 'yes']],
    entries: i % 5 === 0 ? [{ index: 3, term: 1, command: 'x=1', kind: 'command' }] : [],
  })).filter((flight) => flight.from !== flight.to);
  const event = (/** @type {number} */ i) => ({
    n: i, t: i * 1000, kind: 'match', node: 1 + (i % 7), text: `step ${i}`, nodes: [{ id: 1 + (i % 7), applied: ENTRIES - 4 + (i % 2), kv: { x: String(i), y: '2' } }],
  });
  return { from: 0, until: 2_000_000, end: 2_000_000, digest: '', world: { nodes, links: [], flights, clients: [], checks: [] }, events: Array.from({ length: 1900 }, (_, i) => event(i + 1)) };
}

/** Draws a thousand frames of a page of its own in the browser, each a moment later, and lets it find their places. @param {any} trace */
async function measure(trace) {
  const load = (/** @type {string} */ path) => import(path);
  const [{ patch }, { pageView }, { Branch }] = [await load('/common/dom.js'), await load('/explorer/view.js'), await load('/explorer/session.js')];
  const branch = new Branch('A', { seed: 1, members: 7, script: [], features: {}, timing: {}, network: {} }, null);
  branch.player.timeline.add(trace);
  const does = new Proxy({}, { get: () => () => undefined });
  const ui = {
    selected: { kind: 'node', id: 1 }, other: null, entry: null, logsFrom: null, tab: 'selected', view: 'ring', stage: { width: 1500, height: 900 },
    logsWidth: 1780, stroke: null, notice: '', scriptError: '', motion: true,
  };
  const root = /** @type {any} */ (document.getElementById('app'));
  root.replaceChildren();
  root.drawn = [];
  branch.player.play(true);
  const [times, placed] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  for (let frame = 0; frame < 1000; frame++) {
    branch.player.tick(16);
    const began = performance.now();
    patch(root, pageView({ branches: [branch], branch, stories: [], live: true, ui, does, pen: {}, dialog: null }));
    const patched = performance.now();
    root.querySelector('#ring').getBoundingClientRect();
    times.push(patched - began);
    placed.push(performance.now() - patched);
  }
  const count = (/** @type {string} */ name) => root.querySelectorAll(name).length;
  return { times, placed, cells: count('#logs .row .cell'), flights: count('.flight'), nodes: count('.node') };
}

/** @param {number[]} times */
const median = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];

/** The median of the fifty frames in a row in which the machine did least else. @param {number[]} times */
function quietest(times) {
  const batches = Array.from({ length: times.length / 50 }, (_, i) => median(times.slice(i * 50, i * 50 + 50)));
  return Math.min(...batches);
}

test('a frame takes less than four milliseconds, in the median', skip, async () => {
  const trace = busy();
  const server = await serve({ stories: [{ id: 'busy', title: 'Busy', paper: '', run: { ...RUN, members: 7 }, end: 0, captions: [] }], trace: () => trace });
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 3400, height: 1200 } });
    await page.goto(`${server.url}#s=busy&t=0.001`);
    await page.waitForSelector('#app[data-ready="true"] #ring');
    const drawn = await page.evaluate(measure, trace);
    assert.ok(drawn.nodes === 7 && drawn.flights >= 55 && drawn.cells >= 180, JSON.stringify({ ...drawn, times: 0, placed: 0 }));
    const [draws, places] = [quietest(drawn.times), quietest(drawn.placed)];
    console.log(`a frame of ${drawn.nodes} nodes, ${drawn.flights} messages, ${drawn.cells} entries: drawn in ${draws.toFixed(2)} ms, styled and placed by the browser in ${places.toFixed(2)} ms`
      + ` (medians of the quietest fifty; of all thousand: ${median(drawn.times).toFixed(2)} ms and ${median(drawn.placed).toFixed(2)} ms)`);
    assert.ok(draws < 4, `median ${draws} ms`);
  } finally {
    await browser.close();
    server.close();
  }
});
