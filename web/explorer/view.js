// The page as a whole: one pure function from what is known and chosen to what is seen.
//
// It knows where the parts stand, not how they look inside.

/** @import {Branch} from './session.js' */
/** @import {Story, Selection, Check} from '../types.js' */
import { h, lazy } from '../common/dom.js';
import { captionView } from './caption.js';
import { clientList } from './clients.js';
import { inspector } from './inspector.js';
import { kindsLegend } from './legend.js';
import { logsLegend, logsView } from './logs.js';
import { checkList, drawers, machines, settings } from './panels.js';
import { speedText } from './player.js';
import { recent } from './recent.js';
import { ringView } from './ring.js';
import { scriptView } from './script.js';
import { spacetimeView } from './spacetime.js';
import { FORK, extentOf, tapeView } from './tape.js';
import { clock, kindName, verdict } from './words.js';
import { newestWord, whyView } from './why.js';

/**
 * What a person chose, and what the page measured.
 * @typedef {object} Choices
 * @property {Selection} selected
 * @property {number | null} other
 * @property {{index: number, term: number} | null} entry
 * @property {number | null} logsFrom
 * @property {string} tab
 * @property {'ring' | 'spacetime'} view
 * @property {{width: number, height: number}} stage
 * @property {number} logsWidth
 * @property {{x: number, y: number}[] | null} stroke
 * @property {string} notice
 * @property {string} scriptError
 * @property {boolean} motion
 */

/**
 * @typedef {object} Page
 * @property {Branch[]} branches
 * @property {Branch} branch
 * @property {Story[]} stories
 * @property {boolean} live
 * @property {Choices} ui
 * @property {any} does
 * @property {any} pen
 * @property {any} dialog
 */

/** @param {Page} page */
export function pageView(page) {
  return [
    header(page),
    page.ui.notice && h('p', { id: 'notice', role: 'alert', key: 'notice' }, page.ui.notice, ' ',
      h('button', { class: 'small', onclick: page.does.dismiss, 'aria-label': 'Dismiss' }, '✕')),
    captionView({ story: page.branch.told, player: page.branch.player, forked: page.branch.forked !== null, back: () => page.does.caption(-1), next: () => page.does.caption(1) }),
    h('main', { key: 'main' }, stage(page), h('div', { id: 'side' }, logs(page), h('div', { id: 'lower' }, why(page), drawer(page)))),
    footer(page),
    page.dialog,
  ];
}

/** @param {Page} page */
function header(page) {
  const { branch, stories, does, live } = page;
  const off = branch.run.rules_off ?? [];
  return h('header', { id: 'top', key: 'top' },
    h('h1', null, 'Raft explorer'),
    h('label', { class: 'story' }, h('span', null, 'Story'), h('select', { onchange: (/** @type {any} */ event) => (event.target.blur(), does.story(event.target.value)) },
      !stories.some((story) => story.id === branch.story?.id) && h('option', { key: '', value: '', selected: true }, 'a run of your own'),
      stories.map((story) => h('option', { key: story.id, value: story.id, selected: story.id === branch.story?.id }, story.title)))),
    h('span', { class: 'seed' }, `seed ${branch.run.seed}, messages take ${delays(branch.run)}`),
    checksBadge(branch.player.timeline.windows.length > 0 ? branch.player.world.checks : [], does),
    off.length > 0 && h('strong', { class: 'not-raft' }, `Not Raft: ${off.join(', ')} is off`),
    h('span', { class: 'space' }),
    live && h('button', { onclick: () => does.open('share') }, 'Share'),
    h('button', { onclick: () => does.open('help'), 'aria-label': 'Help', title: 'Help (?)' }, '?'),
    h('button', { onclick: does.theme, 'aria-label': 'Light or dark', title: 'Light or dark (K)' }, '◐'));
}

/** The network is slow on purpose in most runs, and says so. @param {import('../types.js').Run} run */
function delays(run) {
  const [least, most] = [run.network?.delay_min ?? 0, run.network?.delay_max ?? 0].map((micros) => micros / 1000);
  return least === most ? `${most} ms` : `${least}–${most} ms`;
}

/** @param {Check[]} checks @param {any} does */
function checksBadge(checks, does) {
  const broken = checks.filter((check) => !check.ok);
  const text = broken.length > 0 ? `✗ ${broken.map((check) => check.name).join(', ')}` : `✓ ${checks.length}`;
  return h('button', { class: broken.length > 0 ? 'badge broken' : 'badge', onclick: () => does.tab('checks') }, text,
    broken.length === 0 && h('span', { class: 'wide' }, ' checks'), broken.length === 0 && ' hold');
}

/** @param {Page} page */
function stage(page) {
  const { branch, ui, does, live } = page;
  const { player } = branch;
  const tools = /** @type {[string, string, () => void][]} */ ([
    ['Command', 'S', () => does.open('command')], ['Partition', 'P', () => does.open('partition')],
    ['Heal', 'H', does.heal], ['Members', 'G', () => does.open('membership')]]);
  return h('section', { id: 'stage', 'aria-label': 'Scene' },
    h('div', { class: 'tools' },
      h('span', { class: 'switch', role: 'group', 'aria-label': 'View' }, ['ring', 'spacetime'].map((name) => h('button', {
        key: name, 'aria-pressed': ui.view === name, onclick: () => ui.view !== name && does.view(),
      }, name === 'ring' ? 'Ring' : 'Space-time'))),
      h('span', { class: 'space' }),
      live && tools.map(([text, key, action]) => h('button', { key: text, onclick: action, title: `Key ${key}` }, text))),
    h('div', { id: 'scene', ...(live ? page.pen : {}) }, scene(page, player)),
    ui.view === 'ring' && lazy('kinds', kindsLegend, kinds(player)));
}

/** Names of the kinds of messages on their way. @param {Branch['player']} player */
function kinds(player) {
  if (player.timeline.windows.length === 0) return '';
  const mark = (/** @type {boolean | null} */ said) => (said === null ? '' : said ? ' ✓' : ' ✗');
  return [...new Set([...player.world.flights.values()].map((flight) => kindName(flight) + mark(verdict(flight))))].sort().join();
}

/** @param {Page} page @param {Branch['player']} player */
function scene(page, player) {
  const { ui, does } = page;
  if (player.timeline.windows.length === 0 || ui.stage.width < 50) return null;
  if (ui.view === 'spacetime') return spacetimeView({ player, size: ui.stage, selected: ui.selected, select: does.select, seekEvent: does.seekEvent });
  const fallen = recent(player, lasts(page));
  const { world, event } = player;
  return ringView({
    world, t: player.t, patience: 2 * (page.branch.run.timing?.election_timeout ?? 0), size: ui.stage, selected: ui.selected, other: ui.other, entry: ui.entry,
    busy: event && event.t === player.t ? event.node : undefined, fallen: fallen.flights, stroke: ui.stroke, select: does.select,
  });
}

/** What was lost or deleted shows for a second of the viewer while it plays, or for less where much happens; else for a millisecond of the world. @param {Page} page */
function lasts(page) {
  const { player } = page.branch;
  const speed = Math.max(player.speed, player.hurry ?? 0);
  return player.playing && page.ui.motion ? Math.max(200_000 * speed, Math.min(1e6 * speed, 50_000)) : 1500;
}

/** @param {Page} page */
function logs(page) {
  const { ui, does, branch } = page;
  const { player } = branch;
  return h('section', { id: 'logs-box', 'aria-label': 'Logs of all servers' },
    player.timeline.windows.length > 0 && ui.logsWidth > 50 && logsView({
      nodes: player.world.nodes, width: ui.logsWidth, from: ui.logsFrom, selected: ui.selected, entry: ui.entry,
      fallen: recent(player, lasts(page)).entries, select: does.select, look: does.look,
    }),
    h('div', { class: 'below' }, lazy('legend', logsLegend), h('span', { class: 'turn' },
      h('button', { class: 'small', 'aria-label': 'Earlier entries', onclick: () => does.scrollLogs(-4) }, '‹'),
      h('button', { class: 'small', 'aria-label': 'Later entries', onclick: () => does.scrollLogs(4) }, '›'))));
}

/** @param {Page} page */
function why(page) {
  const { timeline, at } = page.branch.player;
  return h('section', { id: 'why', 'aria-label': 'Why' }, h('h2', null, 'Why'),
    lazy(0, whyView, timeline.events, at, page.does.seekEvent));
}

/** @param {Page} page */
function drawer(page) {
  const { branch, ui, does, live } = page;
  const { player } = branch;
  if (player.timeline.windows.length === 0) return null;
  const { world } = player;
  /** @type {Record<string, () => any>} */
  const content = {
    selected: () => inspector(world, ui.selected, ui.other, player.t, { live, act: does.act, select: does.select, open: does.open }),
    machines: () => machines(world),
    clients: () => clientList(world.clients, does.again),
    checks: () => checkList(world.checks),
    run: () => settings(branch.run, live, does.change),
    script: () => scriptView({ run: branch.run, t: player.t, live, error: ui.scriptError, seek: does.seek, change: does.change, take: does.takeText }),
  };
  return drawers(ui.tab, does.tab, content[ui.tab]());
}

/** Drawn, since not every system has letters for them. @type {Record<string, string>} */
const ICONS = {
  first: 'M3 2H5V14H3ZM14 2V14L6 8Z', back: 'M12 2V14L4 8Z', play: 'M3 1L14 8L3 15Z', pause: 'M3 2H7V14H3ZM9 2H13V14H9Z',
  forward: 'M4 2V14L12 8Z', last: 'M11 2H13V14H11ZM2 2V14L10 8Z', before: 'M9 3V13L2 8ZM11 6H15V10H11Z', next: 'M7 3V13L14 8ZM1 6H5V10H1Z', fork: FORK,
};

/** @param {Page} page */
function footer(page) {
  const { branch, branches, does } = page;
  const { player, history, story } = branch;
  const control = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => void} */ action, name = '') =>
    h('button', { key: label, class: name, 'aria-label': label, title: label, onclick: action }, ICONS[text]
      ? h('svg', { class: 'icon', viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true' }, h('path', { d: ICONS[text] })) : text);
  return h('footer', { id: 'transport', key: 'transport' },
    h('div', { class: 'controls' },
      control('first', 'To the beginning', () => does.edge(-1), 'wide'), control('before', 'Back to the message before', () => does.message(-1)),
      control('back', 'One event back', () => does.event(-1)),
      player.playing ? control('pause', 'Pause', does.play, 'main play') : control('play', 'Play', does.play, 'main play'),
      control('forward', 'One event forward', () => does.event(1)), control('next', 'To the next message that arrives', () => does.message(1)),
      control('last', 'To the end of what is known', () => does.edge(1), 'wide'),
      control('−', 'Slower', () => does.speed(-1)), h('span', { class: 'speed', title: 'Speed' }, speedText(player.speed)), control('+', 'Faster', () => does.speed(1))),
    h('div', { class: 'tape' }, tapeView({
      history, events: player.timeline.events.length, t: player.t, extent: extentOf(player.timeline, story, player.t), story,
      script: branch.run.script, fork: branch.forked, seek: does.seek,
    })),
    h('div', { class: 'now' }, h('span', { class: 'clock' }, clock(Math.round(player.t))),
      h('span', { class: 'digest', title: 'Digest of this window of the trace' }, player.timeline.digestAt(player.t).slice(0, 8)),
      h('span', { class: 'branches', role: 'group', 'aria-label': 'Branches' },
        page.live && control('fork', 'Fork here', does.split), branches.length > 1 && branches.map((one, i) => h('button', {
        key: one.name, 'aria-pressed': one === branch, onclick: () => does.branch(i), title: one.forked === null ? one.name : `${one.name}, forked at ${clock(one.forked)}`,
      }, one.name)))));
}

/** What a screen reader is told of this moment. @param {Page} page @param {string} caption */
export function mirror(page, caption) {
  const { player } = page.branch;
  if (player.timeline.windows.length === 0) return '';
  if (player.playing) return caption;
  const { events } = player.timeline;
  const event = events[newestWord(events, player.at) - 1];
  return event ? `${clock(event.t)}: ${event.text}` : caption;
}
