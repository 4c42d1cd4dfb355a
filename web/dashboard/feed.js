// What the page knows: the newest rows, the lines of what happened, the curves of the last quarter of an hour, and how old all that is.
//
// It knows the server's words. It decides nothing about the cluster and draws nothing.

/**
 * @typedef {{mean: number | null, p50: number | null, p99: number | null}} Spread
 * @typedef {{seconds: number, commits: number, total: Spread, disk: Spread, network: Spread, apply: Spread, sync: Spread}} Recent
 * @typedef {{node: number, match: number, next: number, state: string, heard: boolean, behind: number, behind_ms: number, snapshot_sent: number | null, snapshot_bytes: number | null}} Follower
 * @typedef {{index: number, committed: boolean, stage: string, voters: number[], voters_old: number[], learners: number[], wanted: number[]}} Configuration
 * @typedef {{number: number, at: number, topic: string, term: number, leads: boolean, text: string}} Told
 * @typedef {Told & {node: number}} Line
 * @typedef {object} MemberView
 * @property {string} cluster
 * @property {number} node
 * @property {string} name
 * @property {string} version
 * @property {number} term
 * @property {string} standing
 * @property {number | null} leader
 * @property {number} leader_ms
 * @property {number} snapshot
 * @property {number} base
 * @property {number} applied
 * @property {number} commit
 * @property {number} durable
 * @property {number} last
 * @property {boolean} no_space
 * @property {number} waiting
 * @property {number | null} round_trip_us
 * @property {Configuration} configuration
 * @property {Follower[]} followers
 * @property {Recent} recent
 * @property {Told[]} told
 * @typedef {{node: number, name: string, part: string, client_urls: string[], view: MemberView | null, age_ms: number, error: string | null}} Row
 * @typedef {{state: string, sentence: string, problems: {node: number, text: string}[]}} Headline
 * @typedef {{viewer: number, at: number, headline: Headline, slowest: string | null, rows: Row[]}} Cluster
 * @typedef {{at: number, commits: number, waiting: number, term: number, leads: number, p50: number | null, p99: number | null, disk: number | null, network: number | null, apply: number | null}} Point
 * @typedef {{cluster: Cluster | null, lines: Line[], points: Point[], pointsOf: number, heard: number, opened: number, lost: boolean}} Known
 */

/** Lines that are kept. */
const LINES = 300;
/** A quarter of an hour. */
const POINTS = 900;

/** @returns {Known} */
export function nothing() {
  return { cluster: null, lines: [], points: [], pointsOf: 0, heard: 0, opened: 0, lost: false };
}

/**
 * Puts lines in the order of their time, the newest first, each once.
 * @param {Line[]} lines @param {Line[]} more @returns {Line[]}
 */
export function merged(lines, more) {
  const names = new Set(lines.map(nameOf));
  const all = [...lines, ...more.filter((line) => !names.has(nameOf(line)))];
  return all.sort((a, b) => b.at - a.at || b.number - a.number).slice(0, LINES);
}

/** @param {Line} line */
const nameOf = (line) => `${line.node} ${line.at} ${line.number}`;

/** @param {Cluster} cluster @returns {Line[]} */
export function linesOf(cluster) {
  return cluster.rows.flatMap((row) => (row.view?.told ?? []).map((told) => ({ ...told, node: row.node })));
}

/** Points as the server writes them, by name. @param {{columns: string[], points: (number | null)[][]}} answer @returns {Point[]} */
export function pointsOf(answer) {
  return answer.points.map((point) => /** @type {any} */ (Object.fromEntries(answer.columns.map((name, i) => [name, point[i]]))));
}

/** Who leads as the rows say: of several, the one of the newest term. @param {Cluster} cluster @returns {MemberView | null} */
export function leaderOf(cluster) {
  /** @type {MemberView | null} */
  let leader = null;
  for (const { view, error } of cluster.rows) {
    if (view && !error && view.standing === 'leader' && (!leader || view.term > leader.term)) leader = view;
  }
  return leader;
}

/**
 * Listens as long as the page is seen: a browser has few connections to one host.
 * @param {Known} known what is filled in
 * @param {() => void} changed
 */
export function listen(known, changed) {
  /** @type {EventSource | null} */
  let source = null;
  const take = (/** @type {MessageEvent} */ event) => {
    known.cluster = /** @type {Cluster} */ (JSON.parse(event.data));
    [known.heard, known.lost] = [performance.now(), false];
    known.lines = merged(known.lines, linesOf(known.cluster));
    changed();
  };
  const open = () => {
    if (source) return;
    // A page that nobody saw heard nothing, which is nobody's silence.
    known.opened = performance.now();
    source = new EventSource('/api/cluster/events');
    source.addEventListener('cluster', take);
    source.addEventListener('tick', take);
    source.addEventListener('entry', (event) => {
      known.lines = merged(known.lines, [JSON.parse(event.data)]);
    });
    source.addEventListener('error', () => {
      known.lost = true;
      // A refusal ends it for good: then it is asked anew after a while.
      if (source?.readyState === EventSource.CLOSED) {
        source = null;
        setTimeout(() => document.hidden || open(), 2000);
      }
      changed();
    });
  };
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else {
      open();
    }
  });
  open();
}

/**
 * Brings the curves up to date: those of whoever leads, for only a leader knows how long commits take; else of this member.
 * @param {Known} known
 */
export async function refreshPoints(known) {
  if (!known.cluster || document.hidden) return;
  const node = leaderOf(known.cluster)?.node ?? (known.pointsOf || known.cluster.viewer);
  const same = node === known.pointsOf;
  const since = same ? known.points.at(-1)?.at ?? 0 : 0;
  try {
    const answer = await fetch(`/api/cluster/history?node=${node}&since=${since}`);
    if (!answer.ok) return;
    const points = pointsOf(await answer.json());
    known.points = [...(same ? known.points : []), ...points].slice(-POINTS);
    known.pointsOf = node;
  } catch { /* The page says already that it has lost its member. */ }
}
