// Keys, by one table: what is in it is handled, and is what the help shows.
//
// It knows keys. What they do is in the rows.

/**
 * @typedef {object} Shortcut
 * @property {string[]} keys as `chord` names them
 * @property {string} shown as people read it
 * @property {string} says what it does, for the help
 * @property {string} group its heading there
 * @property {(chord: string) => void} run
 */

/** A key with what is held down beside it, as one word; empty where it is the browser's own. @param {KeyboardEvent} event */
export function chord(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return '';
  if (event.key === ' ') return 'Space';
  if (event.key.length === 1) return event.key.toLowerCase();
  return event.shiftKey ? `Shift+${event.key}` : event.key;
}

/** Where a person writes, keys are letters. @param {any} target */
export function isWriting(target) {
  const name = target?.localName;
  return name === 'textarea' || name === 'select' || (name === 'input' && !['range', 'checkbox', 'radio'].includes(target.type));
}

/** @param {any} target */
function pressesItself(target) {
  return target?.localName === 'button' || target?.localName === 'summary' || target?.localName === 'a'
    || target?.getAttribute?.('role') === 'button';
}

/**
 * Does what the table says, and tells whether it did.
 * @param {Shortcut[]} table
 * @param {KeyboardEvent} event
 */
export function press(table, event) {
  const name = chord(event);
  if (!name || event.defaultPrevented) return false;
  if (isWriting(event.target) && name !== 'Escape') return false;
  if (name === 'Space' && pressesItself(event.target)) return false;
  const row = table.find((one) => one.keys.includes(name));
  if (!row) return false;
  event.preventDefault();
  row.run(name);
  return true;
}

/** Keys that two rows claim; there must be none. @param {Shortcut[]} table */
export function claimedTwice(table) {
  const all = table.flatMap((row) => row.keys);
  return all.filter((key, at) => all.indexOf(key) !== at);
}
