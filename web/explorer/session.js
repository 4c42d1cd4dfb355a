// One sitting: the runs that a person looks at, the branches that came from acting in the past, and what is known of each.
//
// It knows runs and the engine, and nothing of what is drawn.

/** @import {Run, Story, Trace} from '../types.js' */
/** @import {Engine} from './engine.js' */
import { Player } from './player.js';
import { History } from './tape.js';
import { Timeline } from './world.js';
import { withActs } from './acts.js';

/** So much of a run is asked for at once, in microseconds. */
const WINDOW = 1_000_000;
/** A cursor further than this into a run does not ask for all that came before. */
const FAR = 20_000_000;
/** Within so many microseconds all have started, where nobody is kept from it. */
const BEGUN = 20_000;
/** More branches than anybody can tell apart. */
const BRANCHES_MAX = 6;

export class Branch {
  /** @param {string} name @param {Run} run @param {Story | null} story @param {Timeline} [timeline] */
  constructor(name, run, story, timeline = new Timeline()) {
    this.name = name;
    this.run = run;
    this.story = story;
    /** When it left another branch. @type {number | null} */
    this.forked = null;
    /** @type {{t: number, n?: number} | null} where the cursor is to stand, once that is known */
    this.pending = null;
    this.loading = false;
    /** The engine refused it. */
    this.failed = false;
    this.player = new Player(timeline);
    this.history = new History(timeline);
  }

  /** Another run that is the same up to before `at`. @param {Run} run @param {number} at */
  continue(run, at) {
    const { speedStep } = this.player;
    const timeline = this.player.timeline.upTo(at);
    this.run = run;
    this.failed = false;
    this.player = new Player(timeline);
    this.history = new History(timeline);
    this.player.speedStep = speedStep;
    this.pending = { t: at };
  }

  /** The story as long as it goes as it was written: on another branch it ends where that began. */
  get told() {
    return this.forked !== null && this.player.t >= this.forked ? null : this.story;
  }

  /** What the page shows is all there. */
  get ready() {
    return !this.pending && !this.loading && (this.failed || (!this.player.waits && this.player.timeline.windows.length > 0));
  }
}

export class Session {
  /** @param {Engine} engine @param {() => void} changed @param {(sentence: string) => void} tell */
  constructor(engine, changed, tell) {
    this.engine = engine;
    this.changed = changed;
    this.tell = tell;
    /** @type {Branch[]} */
    this.branches = [];
    this.at = 0;
    /** What is shown where a run is refused. @type {Story | null} */
    this.fallback = null;
  }

  get branch() {
    return this.branches[this.at];
  }

  /** Begins anew with a run. @param {Run} run @param {Story | null} story @param {{t: number, n?: number}} [where] */
  open(run, story, where = { t: 0 }) {
    this.branches = [new Branch('A', run, story)];
    this.at = 0;
    this.goTo(where.t, where.n);
  }

  /** A branch more, which is shown; the oldest fork makes room if there are too many. @param {Branch} branch */
  grow(branch) {
    if (this.branches.length >= BRANCHES_MAX) this.branches.splice(1, 1);
    this.branches.push(branch);
    this.show(this.branches.length - 1);
  }

  /** A letter that no branch has. */
  get letter() {
    const used = this.branches.map((branch) => branch.name[0]);
    return [...'ABCDEFGHIJKLMNOP'].find((one) => !used.includes(one)) ?? 'Z';
  }

  /** @param {number} at */
  show(at) {
    if (at === this.at || !this.branches[at]) return;
    this.branch?.player.play(false);
    this.at = at;
    this.fill();
  }

  /** Does something right now; in the past, on a branch of its own. @param {any[]} what */
  act(what) {
    const here = this.branch;
    const { t, reached, playing } = here.player;
    const { run, at } = withActs(here.run, t, what);
    const seen = t < reached - 1;
    const planned = here.run.script.some((step) => step.at >= at) || (here.story?.captions ?? []).some((caption) => caption.t >= at);
    if (seen || planned) this.forkWith(run, at);
    else here.continue(run, at);
    if (playing) this.branch.player.play(true);
    this.fill();
  }

  /** The run goes on without what was planned from here on. */
  fork() {
    const { run, at } = withActs(this.branch.run, this.branch.player.t, []);
    this.forkWith(run, at);
    this.fill();
  }

  /** @param {Run} run @param {number} at */
  forkWith(run, at) {
    const here = this.branch;
    here.player.play(false);
    const story = here.story && { ...here.story, end: 0, captions: here.story.captions.filter((caption) => caption.t < at) };
    const branch = new Branch(this.letter, run, story, here.player.timeline.upTo(at));
    branch.player.speedStep = here.player.speedStep;
    branch.forked = at;
    branch.pending = { t: at };
    this.grow(branch);
  }

  /**
   * Another run, from the beginning, on a branch of its own. One that the engine refuses changes nothing here.
   * @param {Run} run
   * @param {string} why
   */
  async replay(run, why) {
    const here = this.branch;
    try {
      const first = await this.engine.trace(run, 0, WINDOW);
      const branch = new Branch(`${this.letter}, ${why}`, run, null);
      branch.player.timeline.add(first);
      branch.player.speedStep = here.player.speedStep;
      branch.pending = { t: here.player.t };
      this.tell('');
      this.grow(branch);
      this.arrive(branch);
    } catch (error) {
      this.tell(/** @type {Error} */ (error).message);
    }
    this.fill();
  }

  /** Moves the cursor, also to what is not known yet. @param {number} t @param {number} [n] right behind this event */
  goTo(t, n) {
    const { branch } = this;
    const { player } = branch;
    player.play(false);
    branch.failed = false;
    if (t < player.timeline.from || (player.timeline.windows.length === 0 && t > FAR)) this.restart(branch, Math.max(0, t - 2 * WINDOW));
    branch.pending = { t, n };
    this.arrive(branch);
    this.fill();
  }

  /** Forgets what is known: it is too far away. @param {Branch} branch @param {number} from */
  restart(branch, from) {
    const timeline = new Timeline();
    timeline.until = Math.floor(from / WINDOW) * WINDOW;
    const { speedStep } = branch.player;
    branch.player = new Player(timeline);
    branch.player.speedStep = speedStep;
    branch.history = new History(timeline);
  }

  /** Puts the cursor where it is to stand, if that is known by now. @param {Branch} branch */
  arrive(branch) {
    const { pending, player } = branch;
    const { timeline } = player;
    if (!pending || timeline.windows.length === 0 || (timeline.until < pending.t && !timeline.complete)) return;
    branch.pending = null;
    const { playing } = player;
    if (pending.t === 0) player.begin(BEGUN);
    else player.seek(pending.t);
    if (pending.n !== undefined && player.event && player.event.n > pending.n) player.seekEvent(pending.n);
    if (playing) player.play(true);
  }

  /** Asks for what the cursor will need. */
  async fill() {
    const { branch } = this;
    const window = branch && this.missing(branch);
    if (!branch || !window || branch.loading) return this.changed();
    branch.loading = true;
    this.changed();
    const { run, player } = branch;
    try {
      const trace = await this.engine.trace(run, window.from, window.until);
      branch.loading = false;
      if (branch.player === player) this.take(branch, trace);
    } catch (error) {
      branch.loading = false;
      if (branch.player === player) this.fail(branch, error);
    }
    this.fill();
  }

  /** @param {Branch} branch @param {Trace} trace */
  take(branch, trace) {
    const { player } = branch;
    player.grew(player.timeline.add(trace));
    this.arrive(branch);
  }

  /** @param {Branch} branch @param {any} error */
  fail(branch, error) {
    branch.pending = null;
    branch.failed = true;
    branch.player.play(false);
    this.tell(error.message);
    const { fallback } = this;
    if (branch.player.timeline.windows.length === 0 && fallback && branch.run !== fallback.run) this.open(fallback.run, fallback);
  }

  /** The next window to ask for, or null. @param {Branch} branch */
  missing(branch) {
    const { player, pending, failed } = branch;
    const { timeline } = player;
    if (failed) return null;
    const known = timeline.windows.length > 0;
    if (known && timeline.from > 0 && player.t - timeline.from < WINDOW / 4) {
      return { from: Math.max(0, timeline.from - WINDOW), until: timeline.from };
    }
    if (known && timeline.complete) return null;
    const wanted = Math.max(player.wanted, pending?.t ?? 0);
    if (known && (timeline.until >= timeline.end || timeline.until >= wanted)) return null;
    return { from: timeline.until, until: Math.min(timeline.until + WINDOW, timeline.end) };
  }
}
