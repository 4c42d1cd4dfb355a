// What open dashboards cost a cluster that is written to: three members on this machine, rounds with and without listeners in turn, so that
// whatever else the machine does falls on both. On a busy machine puts a second say little; the processor time that the members take for one does. A listener does what a page does, without the browser: it reads the stream and asks for points.
//
//     QUORATE_BIN=target/release/quorate node web/bench/dashboard.js [ROUNDS] [SECONDS]

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http2 from 'node:http2';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';

const [ROUNDS, SECONDS] = [Number(process.argv[2] ?? 10), Number(process.argv[3] ?? 5)];
const [WRITERS, LISTENERS, PORT] = [16, 6, 27_300];
const folder = mkdtempSync(join(tmpdir(), 'quorate-bench-'));
const members = [1, 2, 3].map((node) => ({ name: `n${node}`, client: `http://127.0.0.1:${PORT + 2 * node}`, peer: `http://127.0.0.1:${PORT + 2 * node + 1}` }));
const founders = members.map(({ name, peer }) => `${name}=${peer}`).join(',');
const children = members.map(({ name, client, peer }) => spawn(process.env.QUORATE_BIN ?? 'quorate', [
  'serve', '--name', name, '--data-dir', join(folder, name), '--listen-client-urls', client, '--advertise-client-urls', client,
  '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', founders,
], { stdio: 'ignore' }));

/** Where the leader is, once there is one. */
async function leader() {
  for (;;) {
    try {
      const status = await (await fetch(`${members[0].client}/api/cluster/status`)).json();
      const node = status.rows.find((/** @type {any} */ row) => row.view?.standing === 'leader')?.node;
      if (node && status.headline.state === 'healthy') return members[node - 1].client;
    } catch { /* It is not there yet. */ }
    await pass(200);
  }
}

/** `PutRequest { key, value }`, framed for gRPC. @param {string} key @param {string} value */
function put(key, value) {
  const fields = Buffer.concat([Buffer.from([10, key.length]), Buffer.from(key), Buffer.from([18, value.length]), Buffer.from(value)]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(fields.length, 1);
  return Buffer.concat([head, fields]);
}

/** Milliseconds of processor time that the members took since they started (Linux). */
function used() {
  const ticks = children.map(({ pid }) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).map(Number));
  return ticks.flat().reduce((sum, one) => sum + one, 0) * 10;
}

/** Puts a second over one round, and microseconds of processor time for each. @param {import('node:http2').ClientHttp2Session} session */
async function round(session) {
  const [begun, before] = [performance.now(), used()];
  let count = 0;
  const write = async (/** @type {number} */ writer) => {
    while (performance.now() - begun < SECONDS * 1000) {
      const request = session.request({ ':method': 'POST', ':path': '/etcdserverpb.KV/Put', 'content-type': 'application/grpc', te: 'trailers' });
      request.resume().end(put(`key-${writer}-${count % 1000}`, 'x'.repeat(100)));
      await once(request, 'close');
      count++;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  return { rate: count / ((performance.now() - begun) / 1000), cost: ((used() - before) * 1000) / count };
}

/** What open pages ask. Answers how to close them. */
function listen() {
  const gone = new AbortController();
  const all = Array.from({ length: LISTENERS }, async (_, page) => {
    const { client } = members[page % members.length];
    const stream = await fetch(`${client}/api/cluster/events`, { signal: gone.signal });
    const points = setInterval(() => fetch(`${client}/api/cluster/history`, { signal: gone.signal }).then((answer) => answer.text()).catch(() => {}), 3000);
    gone.signal.addEventListener('abort', () => clearInterval(points));
    for await (const chunk of stream.body ?? []) void chunk;
  });
  return async () => {
    gone.abort();
    await Promise.allSettled(all);
  };
}

/** Milliseconds of processor time a second while nothing is written. */
async function idle() {
  const before = used();
  await pass(SECONDS * 1000);
  return ((used() - before) / SECONDS).toFixed(1);
}

/** @typedef {{rate: number, cost: number}} Round */
/** @param {Round[]} rounds @param {'rate' | 'cost'} of */
const median = (rounds, of) => rounds.map((one) => one[of]).sort((a, b) => a - b)[Math.floor(rounds.length / 2)];
/** @param {Round} round */
const words = ({ rate, cost }) => `${rate.toFixed(0)} puts/s, ${cost.toFixed(0)} µs of processor a put`;
/** @param {Round[]} rounds @returns {Round} */
const middle = (rounds) => ({ rate: median(rounds, 'rate'), cost: median(rounds, 'cost') });
try {
  const session = http2.connect(await leader());
  await round(session);
  const alone = await idle();
  const leave = listen();
  console.log(`nothing is written: ${alone} ms of processor a second for all members; with ${LISTENERS} pages open ${await idle()} ms`);
  await leave();
  const [closed, open] = [/** @type {Round[]} */ ([]), /** @type {Round[]} */ ([])];
  for (let i = 0; i < ROUNDS; i++) {
    closed.push(await round(session));
    const close = listen();
    open.push(await round(session));
    await close();
    console.log(`round ${i + 1}: ${words(closed[i])}; with ${LISTENERS} pages open ${words(open[i])}`);
  }
  console.log(`median of ${ROUNDS}: ${words(middle(closed))}; with ${LISTENERS} pages open ${words(middle(open))}`);
  session.close();
} finally {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map((child) => once(child, 'exit')));
  rmSync(folder, { recursive: true });
}
