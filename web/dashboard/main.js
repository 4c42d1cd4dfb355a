// The page's beginning: what the members say is listened to and drawn. Reading only.
//
// It knows when to draw. It decides nothing about the cluster.

/** @import {Cluster} from './feed.js' */
import { h, lazy, patch } from '../common/dom.js';
import { restoreTheme, speaker, switchTheme } from '../common/a11y.js';
import { eventsView, electionsView } from './events.js';
import { listen, nothing, refreshPoints } from './feed.js';
import { headlineView, nameOf, top, verdict } from './headline.js';
import { latencyView, throughputView } from './latency.js';
import { membersView } from './members.js';

const root = /** @type {HTMLElement} */ (document.getElementById('board'));
const say = speaker(/** @type {HTMLElement} */ (document.getElementById('live')));
const known = nothing();
let asked = false;
let width = 0;
/** @type {import('./panel.js').Copy} */
let copy = { take, id: '', said: '' };
/** The state that was spoken last: a sentence whose seconds run is not spoken each second. */
let spoken = '';

function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(draw);
}

function draw() {
  asked = false;
  const now = performance.now();
  const { cluster } = known;
  patch(root, [
    top(known, now, () => {
      switchTheme();
      redraw();
    }),
    headlineView(known, now),
    ...(cluster ? [page(cluster), foot()] : []),
  ]);
  mark(now);
}

/** @param {Cluster} cluster */
function page(cluster) {
  const { lines, points } = known;
  return h('main', { key: 'main' },
    h('div', { class: 'left' }, lazy('members', membersView, cluster, copy), lazy('events', eventsView, known, cluster, copy, lines)),
    h('div', { class: 'right' }, lazy('latency', latencyView, known, cluster, copy, points), lazy('throughput', throughputView, known, cluster, copy, points),
      lazy('elections', electionsView, known, cluster, width, copy, lines)));
}

/** What is not here, and where it is. */
function foot() {
  return h('footer', { key: 'foot', class: 'foot quiet' }, 'This page reads, and changes nothing: ', h('code', null, 'quorate ctl'), ' does that. To watch Raft itself, stop it and break it, start the explorer on your own machine: ',
    h('code', null, 'quorate explore'), '. It plays simulated members, so no member of a real cluster serves it.');
}

/** Says on the page itself what it shows, for whoever drives it; and speaks when that changes. @param {number} now */
function mark(now) {
  const { state, sentence } = verdict(known, now);
  root.dataset.state = state;
  root.dataset.ready = String(known.cluster !== null);
  const leader = known.cluster?.rows.find((row) => row.view?.standing === 'leader' && !row.error);
  root.dataset.leader = leader ? String(leader.node) : '';
  // For whoever has many tabs.
  if (known.cluster) document.title = `${sentence.split(/[:. ]/)[0]} · Raft cluster, seen by ${nameOf(known.cluster, known.cluster.viewer)}`;
  const name = `${state} ${leader?.node}`;
  if (name !== spoken) say(sentence);
  spoken = name;
  const box = document.getElementById('elections-box');
  const measured = Math.floor(box?.clientWidth ?? 0);
  if (measured !== width) {
    width = measured;
    redraw();
  }
}

/** Takes what a panel shows along. @param {string} id @param {unknown} data */
async function take(id, data) {
  let said = 'copied';
  try {
    await navigator.clipboard.writeText(typeof data === 'string' ? data : JSON.stringify(data, null, 2));
  } catch {
    said = 'this browser lets nothing be copied here: open the link';
  }
  copy = { take, id, said };
  redraw();
}

async function keepPoints() {
  await refreshPoints(known);
  redraw();
  setTimeout(keepPoints, known.points.length > 0 ? 3000 : 1000);
}

restoreTheme();
listen(known, redraw);
addEventListener('resize', redraw);
// The age of what is shown grows by itself.
setInterval(() => document.hidden || redraw(), 500);
keepPoints();
redraw();
