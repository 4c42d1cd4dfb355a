// All that keys do, in one table: what is here works, and is what the help shows.
//
// It knows names of keys and what a person means by them. How it is done, the page's parts say.

/** @import {Shortcut} from '../common/keys.js' */

/**
 * @typedef {object} Doings what the page can do
 * @property {() => void} play
 * @property {(direction: number) => void} event
 * @property {(direction: number) => void} caption
 * @property {(direction: number) => void} message
 * @property {(direction: number) => void} commit
 * @property {(direction: number) => void} edge
 * @property {(by: number) => void} speed
 * @property {(n: number) => void} node
 * @property {() => void} crash
 * @property {() => void} timeout
 * @property {() => void} cut
 * @property {() => void} cutOneWay
 * @property {() => void} powerLoss
 * @property {() => void} snapshot
 * @property {() => void} entry
 * @property {() => void} drop
 * @property {() => void} duplicate
 * @property {() => void} delay
 * @property {() => void} nextMessage
 * @property {(name: string) => void} open
 * @property {() => void} heal
 * @property {() => void} align
 * @property {() => void} spread
 * @property {() => void} transfer
 * @property {() => void} fork
 * @property {() => void} view
 * @property {() => void} theme
 * @property {() => void} close
 */

/** @param {Doings} does @returns {Shortcut[]} */
export function shortcuts(does) {
  /** @param {string} group @param {string} shown @param {string[]} keys @param {string} says @param {(chord: string) => void} run */
  const row = (group, shown, keys, says, run) => ({ group, shown, keys, says, run });
  return [
    row('Time', 'Space', ['Space'], 'play or pause', () => does.play()),
    row('Time', '→ ←', ['ArrowRight', 'ArrowLeft'], 'one event forward, back', (key) => does.event(key === 'ArrowRight' ? 1 : -1)),
    row('Time', 'Shift+→ Shift+←', ['Shift+ArrowRight', 'Shift+ArrowLeft'], 'next caption, the one before', (key) => does.caption(key.endsWith('Right') ? 1 : -1)),
    row('Time', '. ,', ['.', ','], 'next message that arrives, the one before', (key) => does.message(key === '.' ? 1 : -1)),
    row('Time', '> <', ['>', '<'], 'next commit, the one before', (key) => does.commit(key === '>' ? 1 : -1)),
    row('Time', 'Home End', ['Home', 'End'], 'beginning, end of what is known', (key) => does.edge(key === 'Home' ? -1 : 1)),
    row('Time', '[ ]', ['[', ']'], 'slower, faster', (key) => does.speed(key === ']' ? 1 : -1)),
    row('Choose', '1 … 9', ['1', '2', '3', '4', '5', '6', '7', '8', '9'], 'a server', (key) => does.node(Number(key))),
    row('Choose', 'M', ['m'], 'the next message on its way', () => does.nextMessage()),
    row('Choose', 'I', ['i'], 'the server\'s last entry, then the one before', () => does.entry()),
    row('Choose', 'Esc', ['Escape'], 'nothing; closes boxes', () => does.close()),
    row('Act', 'C', ['c'], 'crash the server, or restart it', () => does.crash()),
    row('Act', 'B', ['b'], 'its power fails: what is not on disk is gone', () => does.powerLoss()),
    row('Act', 'T', ['t'], 'its election timeout passes', () => does.timeout()),
    row('Act', 'X', ['x'], 'cut or mend the link of the two servers chosen last', () => does.cut()),
    row('Act', 'Y', ['y'], 'only the way from the first of them to the second', () => does.cutOneWay()),
    row('Act', 'D', ['d'], 'drop the message', () => does.drop()),
    row('Act', 'U', ['u'], 'duplicate the message', () => does.duplicate()),
    row('Act', 'W', ['w'], 'the message waits 100 ms longer', () => does.delay()),
    row('Act', 'S', ['s'], 'send a client\'s command', () => does.open('command')),
    row('Act', 'P', ['p'], 'part the servers into groups', () => does.open('partition')),
    row('Act', 'H', ['h'], 'heal all links', () => does.heal()),
    row('Act', 'A', ['a'], 'all timers run out together', () => does.align()),
    row('Act', 'E', ['e'], 'timers run out one after the other', () => does.spread()),
    row('Act', 'G', ['g'], 'change the membership', () => does.open('membership')),
    row('Act', 'N', ['n'], 'the server takes a snapshot', () => does.snapshot()),
    row('Act', 'O', ['o'], 'hand leadership over to the server', () => does.transfer()),
    row('Page', 'F', ['f'], 'fork here, or switch to the other branch', () => does.fork()),
    row('Page', 'V', ['v'], 'ring or space-time', () => does.view()),
    row('Page', 'L', ['l'], 'share and export', () => does.open('share')),
    row('Page', 'K', ['k'], 'light or dark', () => does.theme()),
    row('Page', '?', ['?'], 'this help', () => does.open('help')),
  ];
}
