// What the engine sends, as the page reads it: shell/explorer/src/trace.rs says what each of these means. All times are
// microseconds of the world.

export interface Trace { from: number; until: number; end: number; world: WorldView; events: Event[]; digest: string }

export interface WorldView {
  nodes: NodeView[];
  links: LinkView[];
  flights: Flight[];
  clients: ClientView[];
  checks: Check[];
}

export interface LinkView { from: number; to: number; up: boolean; lost: string[] }

export type Role = 'follower' | 'pre_candidate' | 'candidate' | 'leader';

export interface NodeFields {
  up: boolean;
  life: number;
  member: 'voter' | 'learner' | 'outside';
  role: Role;
  term: number;
  vote: number | null;
  leader: number | null;
  timer: TimerView | null;
  durable: number;
  commit: number;
  applied: number;
  snapshot: number;
  config: ConfigView;
  peers: Record<string, PeerView>;
  votes: Record<string, boolean>;
  transfer: number | null;
  kv: Record<string, string>;
}

export interface NodeView extends NodeFields { id: number; log: LogView }
export interface NodeDelta extends Partial<NodeFields> { id: number; log?: LogDelta }

export interface TimerView { kind: 'election' | 'heartbeat'; from: number; until: number }
export type EntryKind = 'noop' | 'command' | 'configuration' | 'session';
export interface LogView { first: number; before: number; terms: number[]; commands: string[]; kinds: EntryKind[] }
export interface LogDelta extends LogView { keep: number }
export interface ConfigView { index: number; old: number[]; new: number[] | null; learners: number[]; wanted: number[] }
export interface PeerView { next: number; match: number; state: 'probe' | 'replicate' | 'snapshot' }

export type Fields = [string, string][];
export interface CarriedEntry { index: number; term: number; command: string; kind: EntryKind }

export interface Flight {
  id: number;
  from: number;
  to: number;
  kind: string;
  term: number;
  sent: number;
  arrives?: number;
  lost_at?: number;
  copy_of?: number;
  fields: Fields;
  entries?: CarriedEntry[];
}

export interface ClientView {
  request: number;
  node: number;
  asks: string;
  asked: number;
  arrives: number;
  answered: number | null;
  told: number | null;
  answer: string | null;
  state: 'waiting' | 'done' | 'refused' | 'unknown';
}

export interface Check { name: string; ok: boolean; what?: string }
export interface Why { rule: string; section: string; text: string; values: Fields }
export interface Gone { id: number; how: 'arrived' | 'lost' | 'nobody_there' }

export interface Event {
  n: number;
  t: number;
  kind: string;
  node?: number;
  msg?: number;
  text: string;
  why?: Why;
  nodes?: NodeDelta[];
  sent?: Flight[];
  gone?: Gone[];
  links?: LinkView[];
  clients?: ClientView[];
  checks?: Check[];
}

/** A world as the page keeps it: never changed, only replaced. */
export interface World {
  nodes: Map<number, NodeView>;
  links: LinkView[];
  flights: Map<number, Flight>;
  clients: ClientView[];
  checks: Check[];
}

/** What is done to a world and when; the words are those of shell/sim's run files. */
export interface Step { at: number; act: any }
export interface Run { v: number; seed: number; members: number; script: Step[]; [more: string]: any }

export interface Caption { t: number; text: string; section?: string }
/** `end` 0: it goes on for as long as runs may be. */
export interface Story { id: string; title: string; paper: string; run: Run; end: number; captions: Caption[] }

/** Where the cursor stands: after so many of the events that are known, at a time. */
export interface Cursor { at: number; t: number }

export type Selection =
  | { kind: 'node'; id: number }
  | { kind: 'flight'; id: number }
  | { kind: 'entry'; node: number; index: number }
  | { kind: 'link'; from: number; to: number }
  | null;
