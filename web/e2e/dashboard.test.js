// The dashboard of a real cluster: three processes, killed one after the other, watched from one that stays; and members that come and go.
//
// Whatever lasts only for a moment is not waited for: what is remembered of it is.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge } from './axe.js';
import { launch, options, picture } from './harness.js';

const run = options();
const SIZES = /** @type {[('light' | 'dark'), number, number][]} */ ([['light', 1280, 800], ['dark', 1280, 800], ['light', 390, 844], ['dark', 390, 844]]);
/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Member[]} */
let members = [];
let folder = '';

/** @typedef {{node: number, name: string, client: string, peer: string, start: () => void, pause: () => void, go: () => void, kill: () => Promise<any>}} Member */

async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}

/** Three members that know each other, with elections of two seconds. They keep little of their logs, and may be removed while others are silent. */
async function cluster() {
  /** @type {Member[]} */
  const all = [];
  for (const name of ['n1', 'n2', 'n3']) all.push(await member(name, all));
  return all;
}

/** A member, not started yet. @param {string} name @param {{name: string, peer: string}[]} all whom it founds the cluster with, or which it joins @param {string} [state] @returns {Promise<Member>} */
async function member(name, all, state = 'new') {
  const [client, peer] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  /** @type {import('node:child_process').ChildProcess | null} */
  let child = null;
  return {
    node: Number(name.slice(1)),
    name,
    client,
    peer,
    start: () => {
      child = spawn(process.env.QUORATE_BIN ?? '', [
        'serve', '--name', name, '--data-dir', join(folder, name), '--listen-client-urls', client, '--advertise-client-urls', client,
        '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster-state', state,
        '--initial-cluster', all.map((one) => `${one.name}=${one.peer}`).join(','), '--snapshot-count', '20', '--election-timeout', '2000', '--strict-reconfig-check=false',
      ], { stdio: 'ignore' });
    },
    pause: () => child?.kill('SIGSTOP'),
    go: () => child?.kill('SIGCONT'),
    kill: async () => {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

before(async () => {
  if ('skip' in run) return;
  folder = mkdtempSync(join(tmpdir(), 'quorate-dashboard-'));
  [browser, members] = [await launch(), await cluster()];
  members.forEach((member) => member.start());
});
after(async () => {
  await browser?.close();
  await Promise.all(members.map((member) => member.kill()));
  if (folder) rmSync(folder, { recursive: true });
});

/** @param {Member} member @param {any} [more] */
async function look(member, more = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...more });
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  // A member that was killed is a failed request of its own page, and no fault of the page.
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && !/ERR_CONNECTION|ERR_INCOMPLETE|502/.test(message.text()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  await page.goto(`${member.client}/`, { timeout: 60_000 });
  await page.waitForSelector('#board[data-ready="true"]', { timeout: 60_000 });
  return { page, complaints, close: () => context.close() };
}

/** Asks a member until it answers as is wanted. @param {Member} member @param {(status: any) => boolean} wanted */
async function until(member, wanted) {
  for (const end = Date.now() + 60_000; ;) {
    try {
      const status = await (await fetch(`${member.client}/api/cluster/status`)).json();
      if (wanted(status)) return status;
      assert.ok(Date.now() < end, status.headline.sentence);
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** @param {any} status @returns {number} */
const leader = (status) => status.rows.find((/** @type {any} */ row) => !row.error && row.view?.standing === 'leader')?.node;
/** @param {any} status */
const healthy = (status) => status.headline.state === 'healthy' && Boolean(leader(status));

/** One may be away. @param {any} status */
const healthyBut = (status) => status.headline.state !== 'no leader' && Boolean(leader(status));

/** @param {Member} viewer @param {string} name */
async function judgeAll(viewer, name) {
  for (const [colorScheme, width, height] of SIZES) {
    const { page, complaints, close } = await look(viewer, { colorScheme, viewport: { width, height } });
    await judge(page, `${name}, ${colorScheme}, ${width}x${height}`);
    await picture(page, `dashboard-${name}-${colorScheme}-${width}`);
    assert.deepEqual(complaints, []);
    await close();
  }
}

/** Runs a command against a member; answers how it ended. @param {Member} member @param {...string} words @returns {Promise<number>} */
async function ctl(member, ...words) {
  const child = spawn(process.env.QUORATE_BIN ?? '', ['ctl', '--endpoints', member.client.replace('http://', ''), ...words], { stdio: 'ignore' });
  return (await once(child, 'exit'))[0];
}

/** @param {Member} member @param {string} key @param {string} value */
async function put(member, key, value) {
  assert.equal(await ctl(member, 'put', key, value), 0);
}

/** Waits until the page lists an event of which this is a part. @param {import('playwright-core').Page} page @param {string} text */
async function told(page, text) {
  await page.waitForFunction((text) => document.querySelector('#events .lines')?.textContent?.includes(text), text, { timeout: 60_000 });
}

/** @param {import('playwright-core').Page} page @param {string} state */
async function says(page, state) {
  await page.waitForSelector(`#board[data-state="${state}"]`, { timeout: 60_000 });
}

/** Waits until the sentence on top is so. @param {import('playwright-core').Page} page @param {RegExp} wanted */
async function heads(page, wanted) {
  await page.waitForFunction((source) => new RegExp(source, 's').test(document.getElementById('headline')?.textContent ?? ''), wanted.source, { timeout: 60_000 });
}

/** The page of a member that does not lead, and who leads. */
async function lookFromAFollower() {
  const before = leader(await until(members[0], healthy));
  const [viewer, other] = members.filter((member) => member.node !== before);
  const opened = await look(viewer);
  await opened.page.waitForSelector(`#board[data-leader="${before}"][data-state="healthy"]`, { timeout: 60_000 });
  return { before, viewer, other, lead: members[before - 1], ...opened };
}

test('a healthy cluster: who leads, how far each is, how long commits take; and no key of it', run, async () => {
  await until(members[0], healthy);
  for (let i = 0; i < 5; i++) await put(members[0], `secret-${i}`, 'hidden-value');
  const status = await until(members[0], (now) => healthy(now) && now.slowest);
  assert.match(status.headline.sentence, /^Healthy\. n\d has led for .* \(term \d+\)\. Survives 1 more failure\. 3 voters\.$/);
  assert.match(status.slowest, /^Slowest: the (disk|network|state machine) .* of [\d.]+ (ms|µs)\.$/);
  const { disk, network, apply, total } = status.rows.find((/** @type {any} */ row) => row.view.standing === 'leader').view.recent;
  assert.ok(Math.abs(disk.mean + network.mean + apply.mean - total.mean) <= 3, 'the parts sum up to the whole');
  assert.doesNotMatch(JSON.stringify(status), /secret|hidden-value/);
  const { page, complaints, close } = await look(members[0]);
  await says(page, 'healthy');
  assert.equal(await page.locator('#members tbody[data-node]').count(), 3);
  await page.waitForSelector('text=Slowest:');
  assert.match(await page.title(), /^Healthy · /);
  assert.match(await page.locator('.won').innerText(), /n\d\s*t\d/);
  await told(page, 'voters n1, n2, n3');
  assert.doesNotMatch(await page.content(), /secret|hidden-value/);
  assert.deepEqual(complaints, []);
  await close();
  await judgeAll(members[0], 'healthy');
});

test('by keys alone: whose page, the numbers, and what a panel shows as JSON', run, async () => {
  const { page, complaints, close } = await look(members[0], { permissions: ['clipboard-read', 'clipboard-write'] });
  await says(page, 'healthy');
  const reached = new Set();
  const name = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '');
  for (let i = 0; i < 30 && (await name()) !== 'Copy as JSON: Members'; i++) {
    await page.keyboard.press('Tab');
    reached.add(await name());
  }
  for (const expected of ['n2', 'n3', 'Light or dark', 'All numbers']) assert.ok(reached.has(expected), `${expected}: ${[...reached]}`);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('#members [role="status"]')?.textContent === 'copied');
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual(copied.rows.map((/** @type {any} */ row) => row.name), ['n1', 'n2', 'n3']);
  for (const endpoint of await page.locator('.source a').evaluateAll((all) => all.map((one) => one.getAttribute('href') ?? ''))) assert.match(endpoint, /^\/api\/cluster\//);
  assert.deepEqual(complaints, []);
  await close();
});

test('a page that nobody sees holds no stream, and is not startled when it is seen again', run, async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(() => {
    const all = /** @type {any} */ (globalThis).streams = /** @type {EventSource[]} */ ([]);
    globalThis.EventSource = class extends EventSource {
      constructor(/** @type {string | URL} */ url) {
        super(url);
        all.push(this);
      }
    };
  });
  await page.goto(`${members[0].client}/`);
  await says(page, 'healthy');
  const hide = (/** @type {boolean} */ hidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
    return /** @type {any} */ (globalThis).streams.map((/** @type {EventSource} */ one) => one.readyState === EventSource.CLOSED);
  }, hidden);
  assert.deepEqual(await hide(true), [true]);
  assert.deepEqual(await hide(false), [true, false]);
  await page.waitForFunction(() => /** @type {any} */ (globalThis).streams.at(-1).readyState === EventSource.OPEN);
  await says(page, 'healthy');
  await context.close();
});

test('a member is away: how far it is behind in entries and in time; and a snapshot brings it back', run, async () => {
  const { lead, other, page, complaints, close } = await lookFromAFollower();
  await other.kill();
  await heads(page, new RegExp(`^Degraded: ${other.name} gave no reply for .*connection refused`));
  await put(lead, 'key', 'value');
  const seenBy = (/** @type {any} */ status) => status.rows[lead.node - 1].view;
  const follower = (/** @type {any} */ status) => seenBy(status).followers.find((/** @type {any} */ one) => one.node === other.node);
  const last = follower(await until(lead, (status) => follower(status).behind > 0 && follower(status).behind_ms > 1500)).match;
  while (seenBy(await until(lead, healthyBut)).base <= last) {
    await Promise.all(Array.from({ length: 8 }, (_, i) => put(lead, `key-${i}`, 'value')));
  }
  other.start();
  await told(page, `sends a snapshot to ${other.name}: its log does not go back to what ${other.name} lacks`);
  await told(page, 'has a snapshot up to');
  await says(page, 'healthy');
  assert.deepEqual(complaints, []);
  await close();
});

test('the leader is killed: the page of a follower names the next one, and why it was elected; then nobody is left to decide', run, async () => {
  const { before, viewer, other, lead, page, complaints, close } = await lookFromAFollower();
  await lead.kill();
  await page.waitForFunction((old) => ![String(old), ''].includes(document.getElementById('board')?.dataset.leader ?? ''), before, { timeout: 60_000 });
  await heads(page, new RegExp(`^Degraded: n${before} gave no reply for .*connection refused.*n[^${before}] has led`));
  await page.waitForFunction(() => document.getElementById('live')?.textContent?.startsWith('Degraded'), null, { timeout: 60_000 });
  await told(page, `n${before} was silent for`);
  assert.match(await page.locator('.won').innerText(), new RegExp(`n[^${before}]\\s*t\\d+\\s*n${before} was silent for`));
  assert.equal(await page.locator(`tbody.stale[data-node="${before}"]`).count(), 1);
  await judgeAll(viewer, 'degraded');

  await other.kill();
  await says(page, 'no leader');
  await heads(page, new RegExp(`^No quorum and no leader for \\d[^:]*: n\\d and n\\d do not answer n${viewer.node}; 1 of 3 reachable, 2 needed`));
  const own = page.locator(`tbody[data-node="${viewer.node}"]`);
  assert.match(await own.innerText(), /nobody/);
  assert.match(await own.locator('.ends').innerText(), /commit \d+ of \d+/);
  for (const lost of [before, other.node]) assert.match(await page.locator(`tbody[data-node="${lost}"] .cause`).innerText(), /does not answer: connection refused/);
  await judgeAll(viewer, 'no-quorum');

  other.start();
  lead.start();
  await says(page, 'healthy');
  assert.equal(await page.locator('tbody.stale').count(), 0, 'a fault that is over is shown no more');
  assert.deepEqual(complaints, []);
  await close();
});

test('a page whose own member is killed says that, and comes back with it', run, async () => {
  const { viewer, page, close } = await lookFromAFollower();
  await viewer.kill();
  await says(page, 'lost');
  await heads(page, new RegExp(`n${viewer.node} does not answer this page for`));
  await judge(page, 'a page that lost its member');
  viewer.start();
  await says(page, 'healthy');
  await close();
});

test('members come and go: a learner, its promotion, its removal; and a change that waits for both majorities', run, async () => {
  const lead = members[leader(await until(members[0], healthy)) - 1];
  const { page, complaints, close } = await look(lead);
  const fourth = page.locator('tbody[data-node="4"]');
  const known = [...members];
  const n4 = await member('n4', known, 'existing');
  known.push(n4);
  try {
    assert.equal(await ctl(lead, 'member', 'add', 'n4', '--learner', '--peer-urls', n4.peer), 0);
    await heads(page, /^Degraded: n4 was added and has not started yet/);
    n4.start();
    await heads(page, /^Healthy.*3 voters, 1 learner\.$/);
    assert.match(await fourth.innerText(), /n4\s*learner/);
    await told(page, 'voters n1, n2, n3; learner n4');
    await judgeAll(lead, 'learner');
    // It is refused until the learner has caught up.
    for (const end = Date.now() + 60_000; await ctl(lead, 'member', 'promote', 'n4') !== 0;) assert.ok(Date.now() < end, 'n4 is promoted');
    await heads(page, /^Healthy.*4 voters\.$/);
    await told(page, 'joint, so that a majority of n1, n2, n3 and one of n1, n2, n3, n4 must agree');
    assert.equal(await ctl(lead, 'member', 'remove', 'n4'), 0);
    await heads(page, /^Healthy.*3 voters\.$/);
    assert.equal(await fourth.count(), 0);
  } finally {
    await n4.kill();
  }

  const [paused, leaving] = members.filter((member) => member !== lead);
  paused.pause();
  const asked = ctl(lead, 'member', 'remove', leaving.name);
  await heads(page, /^No quorum.*the members change: of the old voters 2 of 3 reachable, 2 needed, of the new 1 of 2 reachable, 2 needed/);
  assert.match(await page.locator('.majorities').innerText(), /joint, since index .*: each decision needs both majorities.*old majority.*2 of 3 answer.*new majority.*1 of 2 answer/s);
  assert.match(await page.locator(`tbody[data-node="${leaving.node}"]`).innerText(), /leaving/);
  await judgeAll(lead, 'joint');
  paused.go();
  await heads(page, /^Healthy.*2 voters\.$/);
  await told(page, `voters ${[lead, paused].map((member) => member.name).sort().join(', ')}`);
  await asked;
  assert.deepEqual(complaints, []);
  await close();
});

test('a single member is told how to become three', run, async () => {
  /** @type {Member[]} */
  const all = [];
  const single = await member('n9', all);
  all.push(single);
  single.start();
  try {
    await until(single, healthy);
    const { page, close } = await look(single);
    await heads(page, /One member alone survives no failure\. 1 voter\.$/);
    assert.equal(await page.locator('.teach pre').innerText(), `quorate ctl --endpoints ${single.client.replace('http://', '')} member add n2 --peer-urls http://HOST:2380`);
    await close();
    await judgeAll(single, 'single');
  } finally {
    await single.kill();
  }
});
