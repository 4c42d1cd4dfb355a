// The dashboard of a real cluster: three processes, killed one after the other, watched from one that stays.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, options, picture } from './harness.js';

const run = options();
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SIZES = /** @type {[('light' | 'dark'), number, number][]} */ ([['light', 1280, 800], ['dark', 1280, 800], ['light', 390, 844], ['dark', 390, 844]]);
/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Member[]} */
let members = [];
let folder = '';

/** @typedef {{node: number, client: string, start: () => void, kill: () => Promise<any>}} Member */

async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}

/** Three members that know each other, with elections of a second. @returns {Promise<Member[]>} */
async function cluster() {
  /** @type {{name: string, client: string, peer: string}[]} */
  const all = [];
  for (const name of ['n1', 'n2', 'n3']) all.push({ name, client: `http://127.0.0.1:${await freePort()}`, peer: `http://127.0.0.1:${await freePort()}` });
  const founders = all.map(({ name, peer }) => `${name}=${peer}`).join(',');
  return all.map(({ name, client, peer }, place) => {
    /** @type {import('node:child_process').ChildProcess | null} */
    let child = null;
    const flags = [
      'serve', '--name', name, '--data-dir', join(folder, name), '--listen-client-urls', client, '--advertise-client-urls', client,
      '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', founders,
    ];
    return {
      node: place + 1,
      client,
      start: () => {
        child = spawn(process.env.QUORATE_BIN ?? '', flags, { stdio: 'ignore' });
      },
      kill: async () => {
        if (!child || child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGKILL');
        await once(child, 'exit');
      },
    };
  });
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
  await page.goto(`${member.client}/`);
  await page.waitForSelector('#board[data-ready="true"]');
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

/** @param {import('playwright-core').Page} page @param {string} where */
async function judge(page, where) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (globalThis).axe.run(document, { resultTypes: ['violations'] });
    return violations.map((/** @type {any} */ one) => `${one.id}: ${one.nodes.slice(0, 3).map((/** @type {any} */ node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
  });
  assert.deepEqual(found, [], where);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where} is too wide`);
}

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

/** @param {Member} member @param {string} key @param {string} value */
async function put(member, key, value) {
  const child = spawn(process.env.QUORATE_BIN ?? '', ['ctl', '--endpoints', member.client.replace('http://', ''), 'put', key, value], { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
}

test('a healthy cluster: who leads, how far each is, how long commits take; and no key of it', run, async () => {
  await until(members[0], healthy);
  for (let i = 0; i < 5; i++) await put(members[0], `secret-${i}`, 'hidden-value');
  const status = await until(members[0], (now) => healthy(now) && now.slowest);
  assert.match(status.headline.sentence, /^Healthy\. n\d has led for .* \(term \d+\)\. Survives 1 more failure\. 3 voters\.$/);
  assert.match(status.slowest, /^Slowest: the (disk|network|state machine) /);
  assert.doesNotMatch(JSON.stringify(status), /secret|hidden-value/);
  const { page, complaints, close } = await look(members[0]);
  await page.waitForSelector('#board[data-state="healthy"]');
  assert.equal(await page.locator('#members tbody[data-node]').count(), 3);
  await page.waitForSelector('text=Slowest:');
  assert.match(await page.locator('.won').innerText(), new RegExp(`n${leader(status)}`));
  assert.doesNotMatch(await page.content(), /secret|hidden-value/);
  assert.deepEqual(complaints, []);
  await close();
  await judgeAll(members[0], 'healthy');
});

test('the leader is killed: the page of a follower names the next one, and why it was elected; then nobody is left to decide', run, async () => {
  const before = leader(await until(members[0], healthy));
  const [viewer, other] = members.filter((member) => member.node !== before);
  const { page, complaints, close } = await look(viewer);
  await page.waitForSelector(`#board[data-leader="${before}"]`);
  await members[before - 1].kill();
  await page.waitForFunction((old) => ![String(old), ''].includes(document.getElementById('board')?.dataset.leader ?? ''), before, { timeout: 30_000 });
  await page.waitForSelector('#board[data-state="degraded"]');
  const next = await page.getAttribute('#board', 'data-leader');
  assert.match(await page.locator('#headline').innerText(), new RegExp(`n${before} gave no reply for .*connection refused.*n${next} has led`, 's'));
  await page.waitForFunction((text) => document.querySelector('#events')?.textContent?.includes(text), `n${before} was silent for`);
  assert.match(await page.locator('.won li').first().innerText(), new RegExp(`n${next}\\s*t\\d+\\s*n${before} was silent for`));
  assert.equal(await page.locator(`tbody.stale[data-node="${before}"]`).count(), 1);
  await judgeAll(viewer, 'degraded');

  await other.kill();
  await page.waitForSelector('#board[data-state="no leader"]', { timeout: 30_000 });
  await page.waitForFunction(() => /no leader for/.test(document.getElementById('headline')?.textContent ?? ''));
  const words = await page.locator('#headline').innerText();
  assert.match(words, new RegExp(`No quorum: no leader for [\\d.]+ s: n\\d and n\\d do not answer n${viewer.node}; 1 of 3 reachable, 2 needed`));
  const own = page.locator(`tbody[data-node="${viewer.node}"]`);
  assert.match(await own.innerText(), /nobody/);
  assert.match(await own.locator('.ends').innerText(), /commit \d+ of \d+/);
  for (const lost of [before, other.node]) assert.match(await page.locator(`tbody[data-node="${lost}"] .cause`).innerText(), /gave no reply for .*connection refused/);
  await judgeAll(viewer, 'no-quorum');

  other.start();
  members[before - 1].start();
  await page.waitForSelector('#board[data-state="healthy"]', { timeout: 60_000 });
  assert.equal(await page.locator('tbody.stale').count(), 0, 'a fault that is over is shown no more');
  assert.deepEqual(complaints, []);
  await close();
});

test('a page whose own member is killed says that, and comes back with it', run, async () => {
  const now = await until(members[0], healthy);
  const viewer = members.find((member) => member.node !== leader(now)) ?? members[0];
  const { page, close } = await look(viewer);
  await page.waitForSelector('#board[data-state="healthy"]');
  await viewer.kill();
  await page.waitForSelector('#board[data-state="lost"]', { timeout: 30_000 });
  assert.match(await page.locator('#headline').innerText(), new RegExp(`n${viewer.node} does not answer this page for`));
  await judge(page, 'a page that lost its member');
  viewer.start();
  await page.waitForSelector('#board[data-state="healthy"]', { timeout: 60_000 });
  await close();
});
