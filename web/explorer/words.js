// Sentences about what is seen, for those who hear the page and for titles.
//
// It knows English and the words of Raft, not where anything stands.

/** @import {NodeView, Flight, World} from '../types.js' */
import { lastIndex, termAt } from './world.js';

/** All that have a place: who is there, and who is named in a configuration and has not started yet. @param {Map<number, NodeView>} nodes */
export function seats(nodes) {
  const ids = new Set(nodes.keys());
  for (const { config } of nodes.values()) for (const id of [...config.old, ...(config.new ?? []), ...config.learners]) ids.add(id);
  return [...ids].sort((a, b) => a - b);
}

/** @param {number} id */
export const nodeName = (id) => `n${id}`;

/** @param {number[]} ids */
export const names = (ids) => ids.map(nodeName).join(', ') || 'nobody';

/** @param {NodeView} node */
export function roleName(node) {
  if (!node.up) return 'down';
  if (node.member === 'outside') return 'no member';
  if (node.member === 'learner') return 'learner';
  return node.role === 'pre_candidate' ? 'pre-candidate' : node.role;
}

/** All that vote in the configuration of a node, each once. @param {NodeView} node */
export function voters(node) {
  return [...new Set([...node.config.old, ...(node.config.new ?? [])])].sort((a, b) => a - b);
}

/** @param {NodeView} node */
export function nodeSentence(node) {
  const parts = [`${nodeName(node.id)}, ${roleName(node)}, term ${node.term}`];
  if (node.up && (node.role === 'candidate' || node.role === 'pre_candidate')) {
    const granted = Object.values(node.votes).filter(Boolean).length;
    parts.push(`${granted} of ${voters(node).length} votes`);
  }
  const last = lastIndex(node.log);
  parts.push(last > 0 ? `log to ${last}@${termAt(node.log, last)}, commit ${node.commit}` : 'empty log');
  return parts.join(', ');
}

/** A message without entries is a leader's heartbeat. @param {Flight} flight */
export const isHeartbeat = (flight) => flight.kind === 'AppendEntries' && !flight.entries?.length;

/** @param {Flight} flight */
export function kindName(flight) {
  return isHeartbeat(flight) ? 'heartbeat' : flight.kind;
}

/** What a reply says: true yes, false no, null for what is no reply. @param {Flight} flight */
export function verdict(flight) {
  if (!flight.kind.endsWith('Reply')) return null;
  const said = flight.fields.find(([name]) => ['voteGranted', 'granted', 'success', 'accepted'].includes(name));
  return said === undefined || !['false', 'no', 'refused'].includes(said[1]);
}

/** @param {Flight} flight */
export function flightSentence(flight) {
  const said = verdict(flight);
  const outcome = said === null ? '' : said ? ', yes' : ', no';
  const count = flight.entries?.length ?? 0;
  const load = count > 0 ? ` with ${count} ${count === 1 ? 'entry' : 'entries'}` : '';
  const fate = flight.lost_at !== undefined ? ', will be lost' : '';
  const term = flight.term > 0 ? `, term ${flight.term}` : '';
  return `${kindName(flight)}${load} from ${nodeName(flight.from)} to ${nodeName(flight.to)}${term}${outcome}${fate}`;
}

/** @param {{command: string, kind: string}} entry */
export function entryText(entry) {
  if (entry.kind === 'noop') return '∅';
  if (entry.kind === 'configuration') return `⚙ ${entry.command}`.trim();
  return entry.command;
}

/** An entry where there is little room: of a configuration `n1 n4 & n1 n2` only `⚙14&12`, of `open session 2` only `open`. @param {{command: string, kind: string}} entry */
export function cellText(entry) {
  if (entry.kind === 'session') return entry.command.split(' ')[0];
  if (entry.kind !== 'configuration') return entryText(entry);
  return `⚙${entry.command.split('->')[0].replace(/n(?=\d)|\s/g, '')}`;
}

/** @param {string} text @param {number} most */
export const short = (text, most) => (text.length > most ? text.slice(0, Math.max(1, most - 1)) + '…' : text);

/** @param {number} micros */
export function clock(micros) {
  return `${(micros / 1e6).toFixed(micros % 1000 === 0 ? 3 : 4)} s`;
}

/** @param {number} micros */
export function span(micros) {
  return micros >= 1e6 ? `${(micros / 1e6).toFixed(2)} s` : `${(micros / 1000).toFixed(micros < 10_000 ? 1 : 0)} ms`;
}

/** Who leads, by the newest term that anybody who runs leads in. @param {World} world @returns {NodeView | undefined} */
export function leaderOf(world) {
  let found;
  for (const node of world.nodes.values()) {
    if (node.up && node.role === 'leader' && (!found || node.term > found.term)) found = node;
  }
  return found;
}

/** Whether a node has this entry on its disk, in its log or folded into a snapshot. @param {NodeView} node @param {number} index @param {number} term */
export function holds(node, index, term) {
  if (index < node.log.first) return true;
  return node.durable >= index && termAt(node.log, index) === term;
}
