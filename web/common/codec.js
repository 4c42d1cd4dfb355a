// A run as the part of an address behind `#`, and back; and short digests of what is shown.
//
// It knows text and bytes. What a run is, the engine checks.

/** More than any run that the engine plays, so that a crafted link can't fill the memory. */
const INFLATED_MAX = 1 << 20;

/** @param {Uint8Array} bytes */
export function toBase64Url(bytes) {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @param {string} text */
export function fromBase64Url(text) {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/** @param {BlobPart} data @param {any} transform @param {number} most */
async function through(data, transform, most) {
  const reader = new Blob([data]).stream().pipeThrough(transform).getReader();
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) throw new Error('it is too large');
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** @param {string} text */
export async function pack(text) {
  return toBase64Url(await through(text, new CompressionStream('deflate-raw'), INFLATED_MAX));
}

/** @param {string} packed */
export async function unpack(packed) {
  return new TextDecoder().decode(
    await through(fromBase64Url(packed), new DecompressionStream('deflate-raw'), INFLATED_MAX));
}

/** Microseconds as seconds, with no more digits than it needs. @param {number} micros */
export function seconds(micros) {
  return (micros / 1e6).toFixed(6).replace(/(\.\d{3}\d*?)0+$/, '$1');
}

/**
 * What a link says: a story by its name or a whole run, a time in microseconds, and the event that the cursor stands on.
 * @typedef {{story?: string, run?: any, t: number, n?: number, view?: string}} Link
 */

/** @param {Link} link */
export async function toFragment(link) {
  const parts = [link.story ? `s=${encodeURIComponent(link.story)}` : `r=${await pack(JSON.stringify(link.run))}`];
  parts.push(`t=${seconds(link.t)}`);
  if (link.n !== undefined) parts.push(`n=${link.n}`);
  if (link.view) parts.push(`v=${link.view}`);
  return '#' + parts.join('&');
}

/**
 * Null where there is no fragment.
 * @param {string} fragment
 * @returns {Promise<Link | null>}
 */
export async function fromFragment(fragment) {
  const parts = new URLSearchParams(fragment.replace(/^#/, ''));
  const [story, packed, t, n] = ['s', 'r', 't', 'n'].map((name) => parts.get(name));
  if (fragment.length < 2) return null;
  if (!story && !packed) throw new Error('The link is broken: it names no story and no run.');
  const time = Number(t ?? 0);
  if (!(time >= 0)) throw new Error(`The link's time "${t}" is no number of seconds.`);
  /** @type {Link} */
  const link = { t: Math.round(time * 1e6) };
  if (n !== null && /^\d+$/.test(n)) link.n = Number(n);
  if (parts.get('v') === 'spacetime') link.view = 'spacetime';
  if (story) return { ...link, story };
  try {
    return { ...link, run: JSON.parse(await unpack(packed ?? '')) };
  } catch (error) {
    throw new Error('The link is broken: the run in it can not be read. Was it copied to its end?', { cause: error });
  }
}

/** Sixteen hexadecimal digits: FNV-1a in two lanes of 32 bits. @param {string} text */
export function digest(text) {
  let [a, b] = [0x811c9dc5, 0x1000193];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit ^ (a >>> 24), 0x85ebca6b);
  }
  return [a, b].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
}
