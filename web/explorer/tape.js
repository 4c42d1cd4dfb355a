// The whole run on one line: terms as bands, marks for what matters, and the cursor, which can be dragged.
//
// It knows times and marks, not how one gets there.

/** @import {Event, Story, Step} from '../types.js' */
/** @import {Timeline} from './world.js' */
import { h, lazy } from '../common/dom.js';
import { termClass } from './flights.js';
import { leaderOf, clock } from './words.js';

/** Kinds of events that get a mark, and how they look. @type {Record<string, [string, string]>} */
const MARKS = {
  leader: ['♛', 'a leader is elected'], down: ['✗', 'a node goes down'], start: ['↑', 'a node starts'],
  truncate: ['✂', 'entries are deleted'], snapshot_installed: ['▣', 'a snapshot is installed'], configuration: ['⚙', 'a configuration is in force'],
  broken: ['!', 'a check fell'],
};

/** A way that parts; not every system has a letter for it. */
export const FORK = 'M3 2H5V6L8 8.5L11 6V2H13V7L9 10.5V14H7V10.5L3 7Z';

/** A band: the newest term anywhere, and whether somebody leads in it. @typedef {{from: number, term: number, led: boolean}} Band */

/** Bands and marks of a timeline, found once for each event. */
export class History {
  /** @param {Timeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    this.from = timeline.from;
    this.seen = -1;
    /** @type {Band[]} */
    this.bands = [];
    /** @type {{t: number, kind: string}[]} */
    this.marks = [];
  }

  /** Looks at what is new. */
  refresh() {
    const { timeline } = this;
    if (timeline.windows.length === 0) return this;
    if (this.from !== timeline.from) [this.from, this.seen, this.bands, this.marks] = [timeline.from, -1, [], []];
    for (let i = Math.max(0, this.seen + 1); i <= timeline.events.length; i++) this.look(i);
    this.seen = timeline.events.length;
    return this;
  }

  /** @param {number} i */
  look(i) {
    const event = this.timeline.events[i - 1];
    if (event && event.kind in MARKS && event.t > this.from + 5000) this.mark(event);
    if (event && !event.nodes?.length) return;
    const world = this.timeline.world(i);
    const leader = leaderOf(world);
    const term = Math.max(0, ...[...world.nodes.values()].map((node) => node.term));
    const led = leader?.term === term;
    const last = this.bands.at(-1);
    if (!last || last.term !== term || last.led !== led) this.bands.push({ from: event?.t ?? this.from, term, led });
  }

  /** The same at the same moment on several nodes is one mark. @param {Event} event */
  mark(event) {
    const last = this.marks.at(-1);
    if (last?.kind !== event.kind || last.t !== event.t) this.marks.push({ t: event.t, kind: event.kind });
  }
}

/**
 * @typedef {object} TapeScene
 * @property {History} history
 * @property {number} events how many are known, so that the bands are drawn anew when there are more
 * @property {number} t
 * @property {number} extent the right end, microseconds
 * @property {Story | null} story
 * @property {Step[]} script
 * @property {number | null} fork
 * @property {(t: number) => void} seek
 */

/** How far the tape goes: to the end of a story, else a little further than what is known. @param {Timeline} timeline @param {Story | null} story @param {number} t */
export function extentOf(timeline, story, t) {
  if (story && story.end > 0) return Math.max(story.end, t);
  if (Number.isFinite(timeline.end) && timeline.complete) return Math.max(timeline.end, 1);
  const known = Math.max(timeline.until, t, 2e6);
  return Math.ceil(known / 1e6) * 1e6;
}

/** @param {TapeScene} scene */
export function tapeView(scene) {
  const { t, extent, seek } = scene;
  const scrub = (/** @type {any} */ event) => {
    if (event.type === 'pointerdown') event.currentTarget.setPointerCapture(event.pointerId);
    else if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.getBoundingClientRect();
    seek(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * extent);
  };
  return h('svg', {
    id: 'tape', height: 46, role: 'slider', tabindex: 0, 'aria-label': 'Time', 'aria-valuemin': 0,
    'aria-valuemax': Math.round(extent / 1000), 'aria-valuenow': Math.round(t / 1000), 'aria-valuetext': clock(t),
    onpointerdown: scrub, onpointermove: scrub,
  },
  lazy('bands', bandsView, scene.history, scene.history.timeline.until, scene.events, extent, scene.story, scene.script, scene.fork),
  h('g', { key: 'cursor', class: 'cursor' },
    h('line', { x1: percent(t, extent), x2: percent(t, extent), y1: 13, y2: 46 }), h('circle', { cx: percent(t, extent), cy: 23, r: 6 })));
}

/** @param {number} t @param {number} extent */
const percent = (t, extent) => `${Math.round((t / extent) * 100_000) / 1000}%`;

/** @param {History} history @param {number} _until @param {number} events @param {number} extent @param {Story | null} story @param {Step[]} script @param {number | null} fork */
function bandsView(history, _until, events, extent, story, script, fork) {
  const { bands, marks, timeline } = history.refresh();
  const end = Math.min(timeline.until, extent);
  const at = (/** @type {number} */ t, /** @type {string} */ name, /** @type {any} */ kid) =>
    t <= extent && h('svg', { class: name, x: percent(t, extent), overflow: 'visible' }, kid);
  return h('g', { 'data-events': events },
    h('rect', { class: 'ground', x: 0, y: 14, width: '100%', height: 18, rx: 4 }),
    bands.map((band, i) => bandView(band, bands[i + 1]?.from ?? end, extent)),
    sparse(marks, extent).map((mark) => at(mark.t, `mark ${mark.kind}`,
      h('text', { x: mark.dx, y: 11 }, h('title', null, MARKS[mark.kind][1]), MARKS[mark.kind][0]))),
    script.filter((step) => step.at > 0).map((step) => at(step.at, 'act', h('path', { d: 'M0 37L4 45H-4Z' }))),
    (story?.captions ?? []).map((caption) => at(caption.t, 'caption-mark', h('circle', { cy: 32, r: 3.2 }))),
    fork !== null && at(fork, 'fork', h('path', { d: FORK, transform: 'translate(-8 32)' })));
}

/** @param {Band} band @param {number} until @param {number} extent */
function bandView(band, until, extent) {
  const width = until - band.from;
  if (width <= 0 || band.term === 0) return null;
  return h('g', { class: `band ${termClass(band.term)}${band.led ? '' : ' nobody'}` },
    h('rect', { x: percent(band.from, extent), y: 14, width: percent(width, extent), height: 18 }),
    width / extent > 0.04 && h('svg', { x: percent(band.from, extent), overflow: 'visible' }, h('text', { x: 9, y: 27 }, `t${band.term}`)));
}

/** Marks of a kind that would stand on each other are one, those of two kinds stand side by side. @param {{t: number, kind: string}[]} marks @param {number} extent */
function sparse(marks, extent) {
  /** @type {Record<string, number>} */
  const last = {};
  let [before, dx] = [-Infinity, 0];
  return marks.filter((mark) => {
    if (mark.t - (last[mark.kind] ?? -Infinity) < extent * 0.02) return false;
    last[mark.kind] = mark.t;
    return true;
  }).map((mark) => {
    dx = mark.t - before < extent * 0.014 ? dx + 10 : 0;
    before = mark.t;
    return { ...mark, dx };
  });
}
