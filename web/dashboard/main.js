// The page's beginning: what the members say is listened to and drawn. Reading only.
//
// It knows when to draw. It decides nothing about the cluster.

/** @import {Cluster} from './feed.js' */
import { h, lazy, patch } from '../common/dom.js';
import { restoreTheme, speaker, switchTheme } from '../common/a11y.js';
import { eventsView, electionsView } from './events.js';
import { listen, nothing, refreshPoints } from './feed.js';
import { headlineView, top, verdict } from './headline.js';
import { latencyView, throughputView } from './latency.js';
import { membersView } from './members.js';

const root = /** @type {HTMLElement} */ (document.getElementById('board'));
const say = speaker(/** @type {HTMLElement} */ (document.getElementById('live')));
const known = nothing();
let asked = false;
let width = 0;
let copied = '';
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
    ...(cluster ? [page(cluster)] : []),
  ]);
  mark(now);
}

/** @param {Cluster} cluster */
function page(cluster) {
  const { lines, points } = known;
  return h('main', { key: 'main' },
    h('div', { class: 'left' }, lazy('members', membersView, cluster), lazy('events', eventsView, known, cluster, copy, copied, lines)),
    h('div', { class: 'right' }, lazy('latency', latencyView, known, cluster, points), lazy('throughput', throughputView, known, cluster, points),
      lazy('elections', electionsView, known, cluster, width, lines)));
}

/** Says on the page itself what it shows, for whoever drives it; and speaks when that changes. @param {number} now */
function mark(now) {
  const { state, sentence } = verdict(known, now);
  root.dataset.state = state;
  root.dataset.ready = String(known.cluster !== null);
  const leader = known.cluster?.rows.find((row) => row.view?.standing === 'leader' && !row.error);
  root.dataset.leader = leader ? String(leader.node) : '';
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

async function copy() {
  try {
    await navigator.clipboard.writeText(JSON.stringify({ cluster: known.cluster, lines: known.lines }, null, 2));
    copied = 'copied';
  } catch {
    copied = 'this browser lets nothing be copied here: see the link';
  }
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
