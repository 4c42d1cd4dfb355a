// The cursor in a run: plays, steps and jumps over what is known of it, and says when more is needed.
//
// It knows times and the order of events, not what they are. Moving is all it does, so forward and back is where it was.

/** @import {Event, World} from '../types.js' */
import { Timeline } from './world.js';

/** Seconds of the world in a second of the person who looks. */
export const SPEEDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const USUAL = SPEEDS.indexOf(0.02);

/** What changes without a word is no step of its own. @param {Event} event */
const speaks = (event) => event.text !== '';

/** @param {number} speed */
export const speedText = (speed) => (speed < 1 ? `1/${Math.round(1 / speed)}` : `${speed}`) + '×';

export class Player {
  /** @param {Timeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    /** So many events of the timeline have happened. */
    this.at = 0;
    /** Microseconds of the world, with fractions while it plays. */
    this.t = timeline.from;
    this.playing = false;
    this.speedStep = USUAL;
    /** Nothing moves smoothly: time jumps from event to event. */
    this.jumps = false;
    /** How far playing is; ahead of the time that is shown, where that jumps. */
    this.clock = this.t;
    /** The furthest that was seen. */
    this.reached = this.t;
    /** When playing is to stop, in microseconds of the world. @type {number | null} */
    this.stopAt = null;
    /** @type {number | null} */
    this.hurry = null;
    /** A step that waits for events that are not known yet. @type {{match: (event: Event) => boolean} | null} */
    this.waits = null;
  }

  get speed() {
    return SPEEDS[this.speedStep];
  }

  /** @returns {World} */
  get world() {
    return this.timeline.world(this.at);
  }

  /** What happened last. @returns {Event | undefined} */
  get event() {
    return this.timeline.events[this.at - 1];
  }

  /** @param {boolean} on */
  play(on) {
    this.playing = on;
    // Events stand at whole microseconds; so does a cursor that stands, and a link says exactly where.
    if (!on) this.t = Math.floor(this.t);
    this.clock = this.t;
    this.waits = null;
    [this.stopAt, this.hurry] = [null, null];
  }

  /** @param {number} by */
  faster(by) {
    this.speedStep = Math.max(0, Math.min(SPEEDS.length - 1, this.speedStep + by));
  }

  /** Time goes on. @param {number} millis of the person who looks */
  tick(millis) {
    if (!this.playing || this.timeline.windows.length === 0) return;
    const target = this.clock + millis * 1000 * Math.max(this.speed, this.hurry ?? 0);
    if (this.stopAt !== null && this.stopAt <= target) return this.seek(this.stopAt);
    const most = Math.min(this.timeline.until, this.timeline.end);
    this.clock = Math.min(target, most);
    const shown = this.timeline.events[this.timeline.countAt(this.clock) - 1]?.t ?? this.timeline.from;
    this.place(this.jumps ? Math.max(this.t, shown) : this.clock);
    if (this.clock >= this.timeline.end) this.play(false);
  }

  /** @param {number} at @param {number} t */
  stand(at, t) {
    this.play(false);
    [this.at, this.t] = [at, t];
    this.reached = Math.max(this.reached, t);
  }

  /** @param {number} t */
  place(t) {
    this.t = t;
    this.at = this.timeline.countAt(t);
    this.reached = Math.max(this.reached, t);
  }

  /** Jumps to a time; events at that time have happened. @param {number} t */
  seek(t) {
    this.play(false);
    this.place(Math.min(Math.max(this.timeline.from, Math.round(t)), Math.min(this.timeline.until, this.timeline.end)));
  }

  /** To the beginning, right behind the moment at which all have started, if they do so at once. @param {number} within microseconds */
  begin(within) {
    const { events } = this.timeline;
    this.seek(0);
    for (let i = 1; i <= events.length && events[i - 1].t <= within; i++) {
      if (events[i - 1].kind !== 'start') continue;
      if (![...this.timeline.world(i).nodes.values()].every((node) => node.up)) continue;
      // A moment later their timers run, too.
      const next = events.slice(i).find(speaks)?.t ?? Infinity;
      return this.seek(Math.min(events[i - 1].t + 1000, next - 1));
    }
  }

  /** Jumps right behind the event with this number, or as near before it as there is one. @param {number} n */
  seekEvent(n) {
    const events = this.timeline.events;
    let count = events.findIndex((event) => event.n > n);
    if (count < 0) count = events.length;
    this.stand(count, count > 0 ? events[count - 1].t : this.timeline.from);
  }

  /**
   * Goes on to right behind the next event that matches; where none is known yet, it waits for more.
   * @param {(event: Event) => boolean} [match]
   */
  forward(match = speaks) {
    this.play(false);
    const events = this.timeline.events;
    for (let i = this.at; i < events.length; i++) if (match(events[i])) return this.stand(i + 1, events[i].t);
    if (this.timeline.complete) this.place(Math.min(this.timeline.until, this.timeline.end));
    else this.waits = { match };
  }

  /**
   * Goes back to right behind the last event before this one that matches, or to the beginning.
   * @param {(event: Event) => boolean} [match]
   */
  back(match = speaks) {
    this.play(false);
    const events = this.timeline.events;
    // Between two events the first step back leads to the one that happened last.
    const here = this.at > 0 && this.t > events[this.at - 1].t ? this.at : this.at - 1;
    for (let i = here; i > 0; i--) if (match(events[i - 1])) return this.stand(i, events[i - 1].t);
    this.stand(0, this.timeline.from);
  }

  /** Plays up to a time, in a few seconds at most. @param {number} t */
  playTo(t) {
    this.play(true);
    this.stopAt = t;
    this.hurry = (t - this.t) / 4e6;
  }

  /** More is known; `before` says how many events were put before the others. @param {number} before */
  grew(before) {
    this.at += before;
    if (this.waits) this.forward(this.waits.match);
  }

  /** Up to which time the page should know the run, to go on without waiting. */
  get wanted() {
    if (this.waits) return this.timeline.until + 1;
    const ahead = this.playing ? Math.max(1e6, 3e6 * this.speed) : 250_000;
    return Math.min(Math.max(this.t, this.clock) + ahead, this.timeline.end);
  }
}
