// What a person can do, by the names that keys, buttons and the scene use.
//
// It knows who is asked to do it. How it looks and what comes of it, others know.

/** @import {Run, Story, Selection, ClientView} from '../types.js' */
/** @import {Engine} from './engine.js' */
/** @import {Session} from './session.js' */
/** @import {Choices} from './view.js' */
/** @import {Boxes} from './boxes.js' */
import { switchTheme } from '../common/a11y.js';
import { acts, againOf, crashOrRestart, toggleDirection, toggleLink } from './acts.js';
import { isLandmark, neighbours } from './caption.js';
import { shownColumns } from './logs.js';
import { readRun } from './script.js';
import { lastIndex } from './world.js';

/**
 * @typedef {object} App
 * @property {Engine} engine
 * @property {Session} session
 * @property {Choices} ui
 * @property {Boxes} boxes
 * @property {Story[]} stories
 * @property {() => void} redraw
 */

/** @param {App} app */
export function doings(app) {
  const { session, ui } = app;
  const player = () => session.branch.player;
  const world = () => player().world;

  /** @param {string} sentence */
  function tell(sentence) {
    ui.notice = sentence;
    app.redraw();
  }

  /** @param {any[]} what */
  function act(what) {
    if (!app.engine.live) return tell('This is a recording: it plays and steps, but nothing can be done to it.');
    app.boxes.close();
    ui.notice = '';
    session.act(what);
  }

  /** @param {Selection} selected */
  function select(selected) {
    if (selected?.kind === 'node' && ui.selected?.kind === 'node' && selected.id !== ui.selected.id) ui.other = ui.selected.id;
    const log = selected?.kind === 'entry' ? world().nodes.get(selected.node)?.log : undefined;
    const term = log && selected?.kind === 'entry' ? log.terms[selected.index - log.first] : undefined;
    ui.entry = selected?.kind === 'entry' && term !== undefined ? { index: selected.index, term } : null;
    ui.selected = selected;
    if (selected) ui.tab = 'selected';
    app.redraw();
  }

  /** @param {(n: number) => void} does */
  function withNode(does) {
    if (ui.selected?.kind === 'node') does(ui.selected.id);
    else tell('Choose a server first: press 1 to 9, or click one.');
  }

  /** @param {(id: number) => any} makes */
  function withFlight(makes) {
    if (ui.selected?.kind === 'flight') act([makes(ui.selected.id)]);
    else tell('Choose a message first: press M, or click one.');
  }

  /** @param {() => void} move */
  function moved(move) {
    move();
    session.fill();
  }

  /** Steps to the next event of a kind, or back to the one before. @param {((event: any) => boolean) | undefined} match */
  const stepper = (match = undefined) => (/** @type {number} */ direction) =>
    moved(() => (direction > 0 ? player().forward(match) : player().back(match)));

  /** @param {number} direction */
  function caption(direction) {
    const story = session.branch.told;
    if (!story || story.captions.length === 0) return stepper(isLandmark)(direction);
    const { back, next } = neighbours(story, player().t);
    const target = direction > 0 ? next : back;
    if (!target) return direction > 0 ? stepper(isLandmark)(1) : session.goTo(0);
    const { timeline, stopAt } = player();
    const walks = direction > 0 && ui.motion && stopAt === null && timeline.until > target.t;
    if (walks) moved(() => player().playTo(target.t));
    else session.goTo(target.t);
  }

  function cut() {
    const { selected, other } = ui;
    if (selected?.kind === 'link') return act(toggleLink(world(), selected.from, selected.to));
    if (selected?.kind === 'node' && other !== null && other !== selected.id) return act(toggleLink(world(), other, selected.id));
    tell('Choose two servers, one after the other, or a link.');
  }

  function cutOneWay() {
    const { selected, other } = ui;
    if (selected?.kind === 'node' && other !== null && other !== selected.id) act([toggleDirection(world(), other, selected.id)]);
    else tell('Choose two servers, the one that sends first.');
  }

  function nextMessage() {
    const ids = [...world().flights.keys()];
    const at = ui.selected?.kind === 'flight' ? ids.indexOf(ui.selected.id) : -1;
    if (ids.length === 0) tell('No message is on its way at this moment.');
    else select({ kind: 'flight', id: ids[(at + 1) % ids.length] });
  }

  function fork() {
    if (!app.engine.live) tell('This is a recording: it has one branch.');
    else if (session.branches.length > 1) session.show((session.at + 1) % session.branches.length);
    else session.fork();
  }

  /** The last entry of the chosen server's log, then the one before. */
  function entry() {
    const { selected } = ui;
    const id = selected?.kind === 'node' ? selected.id : selected?.kind === 'entry' ? selected.node : 0;
    const log = world().nodes.get(id)?.log;
    if (!log || log.terms.length === 0) return tell('Choose a server with a log first: press 1 to 9, or click one.');
    const before = selected?.kind === 'entry' && selected.index > log.first ? selected.index - 1 : lastIndex(log);
    select({ kind: 'entry', node: id, index: before });
  }

  /** @param {string} id */
  function story(id) {
    const chosen = app.stories.find((one) => one.id === id);
    if (!chosen) return;
    Object.assign(ui, { selected: null, other: null, entry: null, logsFrom: null, notice: '' });
    session.open(chosen.run, chosen);
  }

  /** @param {number} by */
  function scrollLogs(by) {
    const shown = shownColumns(world().nodes, ui.logsWidth, ui.logsFrom);
    const first = shown.first + by;
    ui.logsFrom = first + shown.count > shown.last + 1 ? null : Math.max(1, first);
    app.redraw();
  }

  /** @param {string} text */
  function takeText(text) {
    const read = readRun(text);
    ui.scriptError = 'error' in read ? read.error : '';
    if ('run' in read) session.replay(read.run, 'as written');
    app.redraw();
  }

  /** @param {any} entry */
  function look(entry) {
    if (ui.selected?.kind === 'entry') return;
    ui.entry = entry;
    app.redraw();
  }

  /** @param {ClientView} one */
  function again(one) {
    const wish = againOf(session.branch.run, one);
    if ('op' in wish) act([acts.client(wish.op, 0)]);
    else tell(wish.error);
  }

  /** @param {() => void} change */
  const changed = (change) => {
    change();
    app.redraw();
  };

  return {
    tell, act, select, caption, cut, cutOneWay, nextMessage, entry, fork, story, scrollLogs, takeText, look, again,
    play: () => moved(() => player().play(!player().playing)),
    event: stepper(),
    message: stepper((event) => event.gone?.length > 0),
    commit: stepper((event) => event.kind === 'commit'),
    edge: (/** @type {number} */ direction) => session.goTo(direction < 0 ? 0 : player().timeline.until),
    speed: (/** @type {number} */ by) => moved(() => player().faster(by)),
    seek: (/** @type {number} */ t) => session.goTo(Math.round(t)),
    seekEvent: (/** @type {number} */ n) => moved(() => player().seekEvent(n)),
    node: (/** @type {number} */ n) => world().nodes.has(n) && select({ kind: 'node', id: n }),
    open: (/** @type {string} */ name) => app.boxes.open(name),
    close: () => (app.boxes.name ? app.boxes.close() : select(null)),
    crash: () => withNode((n) => act([crashOrRestart(world(), n)])),
    timeout: () => withNode((n) => act([acts.timeout(n)])),
    transfer: () => withNode((n) => act([acts.transfer(0, n)])),
    powerLoss: () => withNode((n) => act([acts.powerLoss(n)])),
    snapshot: () => withNode((n) => act([acts.snapshot(n)])),
    split: () => session.fork(),
    drop: () => withFlight(acts.drop),
    duplicate: () => withFlight(acts.duplicate),
    delay: () => withFlight(acts.delay),
    heal: () => act([acts.heal()]),
    align: () => act([acts.align()]),
    spread: () => act([acts.spread()]),
    change: (/** @type {Run} */ run, /** @type {string} */ why) => session.replay(run, why),
    branch: (/** @type {number} */ at) => session.show(at),
    tab: (/** @type {string} */ name) => changed(() => (ui.tab = name)),
    view: () => changed(() => (ui.view = ui.view === 'ring' ? 'spacetime' : 'ring')),
    theme: () => changed(switchTheme),
    dismiss: () => tell(''),
  };
}
