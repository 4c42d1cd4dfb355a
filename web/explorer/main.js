// The page's beginning: what a person does is carried to the session, and what is known is drawn.
//
// It knows when to draw and what to show first. It decides nothing about Raft.

/** @import {Page, Choices} from './view.js' */
/** @import {App} from './doings.js' */
import { h, patch } from '../common/dom.js';
import { digest, fromFragment } from '../common/codec.js';
import { press } from '../common/keys.js';
import { motionIsWanted, restoreTheme, speaker } from '../common/a11y.js';
import { Boxes } from './boxes.js';
import { spoken } from './caption.js';
import { shortcuts } from './commands.js';
import { doings } from './doings.js';
import { embeddedEngine, httpEngine } from './engine.js';
import { Session } from './session.js';
import { meaning, pen } from './stage.js';
import { mirror, pageView } from './view.js';

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
const say = speaker(/** @type {HTMLElement} */ (document.getElementById('live')));
const embedded = document.getElementById('embedded');
const given = embedded ? JSON.parse(embedded.textContent ?? '') : null;
const engine = given ? embeddedEngine(given) : httpEngine();

/** @type {Choices} */
const ui = {
  selected: null, other: null, entry: null, logsFrom: null, tab: 'selected', view: 'ring',
  stage: { width: 0, height: 0 }, logsWidth: 0, stroke: null, notice: '', scriptError: '', motion: motionIsWanted(),
};
const session = new Session(engine, redraw, (sentence) => {
  ui.scriptError = ui.tab === 'script' ? sentence : '';
  ui.notice = ui.tab === 'script' ? '' : sentence;
  redraw();
});
/** @type {App} */
const app = { engine, session, ui, stories: [], redraw, boxes: new Boxes(() => app) };
const does = doings(app);
const table = shortcuts(does);
const hand = pen((line) => {
  ui.stroke = line;
  redraw();
}, (line) => {
  const what = ui.view === 'ring' ? meaning(session.branch.player.world, ui.stage, line) : [];
  if (what.length > 0) does.act(what);
});
let asked = false;
/** When the last frame was drawn; 0 while nothing moves. */
let last = 0;
/** Something was drawn: it stays while the place of the cursor is not known yet. */
let drawn = false;

function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(frame);
}

/** @param {number} now */
function frame(now) {
  asked = false;
  const { branch } = session;
  if (!branch) return showOpening();
  const { player } = branch;
  const passed = last > 0 ? Math.min(100, now - last) : 0;
  last = player.playing ? now : 0;
  player.jumps = !ui.motion;
  if (!branch.pending) player.tick(passed);
  if (player.playing && session.missing(branch) && !branch.loading) session.fill();
  else if (player.playing) redraw();
  if (branch.pending && drawn && !branch.failed) root.dataset.ready = 'false';
  else draw();
}

function showOpening() {
  patch(root, [h('p', { key: 'opening', class: 'opening', role: ui.notice ? 'alert' : 'status' }, ui.notice || 'The explorer is loading …')]);
}

function draw() {
  const known = session.branch.player.timeline.windows.length > 0;
  /** @type {Page} */
  const page = {
    branches: session.branches, branch: session.branch, stories: app.stories, live: engine.live, ui, does, pen: hand,
    dialog: known ? app.boxes.view(does, table) : null,
  };
  patch(root, pageView(page));
  const said = mirror(page, spoken(session.branch.told, session.branch.player).text);
  if (said) say(said);
  if (!drawn) watchSizes();
  drawn = true;
  mark();
}

/** Says on the page itself where it is, for whoever drives it. */
function mark() {
  const { branch } = session;
  const { player } = branch;
  const { dataset } = root;
  dataset.t = String(player.t);
  dataset.n = String(player.event?.n ?? 0);
  dataset.branch = branch.name[0];
  dataset.playing = String(player.playing);
  if (!player.playing && player.timeline.windows.length > 0) {
    const { nodes, flights, ...rest } = player.world;
    dataset.digest = digest(JSON.stringify([player.t, [...nodes.values()], [...flights.values()], rest]));
  }
  dataset.ready = String(branch.ready);
}

/** Sizes of what is drawn follow those of their boxes. */
function watchSizes() {
  const observer = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      if (target.id === 'scene') ui.stage = { width: Math.round(contentRect.width), height: Math.round(contentRect.height) };
      else ui.logsWidth = Math.round(contentRect.width);
    }
    redraw();
  });
  for (const id of ['scene', 'logs-box']) {
    const element = document.getElementById(id);
    if (element) observer.observe(element);
  }
}

/** Shows what an address names; without a name, the first story. @param {string} hash */
async function follow(hash) {
  const target = await fromFragment(hash);
  const story = target?.story ? app.stories.find((one) => one.id === target.story) : undefined;
  if (target?.story && !story) throw new Error(`There is no story "${target.story}" here.`);
  if (target?.view === 'spacetime') ui.view = 'spacetime';
  const shown = story ?? (target?.run ? null : app.stories[0]);
  if (!shown && !target?.run) throw new Error('The explorer has no story and no run to show.');
  session.open(target?.run ?? shown?.run, shown ?? null, target ? { t: target.t, n: target.n } : { t: given?.t ?? 0 });
  const nothingToTell = shown && shown.captions.length === 0;
  if (nothingToTell && engine.live && ui.motion && !target?.t) session.branch.player.play(true);
}

/** @param {string} hash */
async function tryToFollow(hash) {
  try {
    ui.notice = '';
    await follow(hash);
  } catch (error) {
    ui.notice = /** @type {Error} */ (error).message;
    if (!session.branch && app.stories.length > 0) session.open(app.stories[0].run, app.stories[0]);
  }
  redraw();
}

async function begin() {
  restoreTheme();
  document.addEventListener('keydown', (event) => {
    if (session.branch && (!app.boxes.name || event.key === 'Escape')) press(table, event);
  });
  addEventListener('hashchange', () => tryToFollow(location.hash));
  redraw();
  try {
    app.stories = await engine.stories();
    session.fallback = app.stories[0] ?? null;
  } catch (error) {
    ui.notice = /** @type {Error} */ (error).message;
    return redraw();
  }
  await tryToFollow(location.hash);
}

begin();
