// Numbers in a person's words. It knows nothing of clusters.

/** @param {number} count */
export function grouped(count) {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** A length of time. @param {number | null | undefined} micros */
export function took(micros) {
  if (micros === null || micros === undefined) return '–';
  if (micros < 1000) return `${Math.round(micros)} µs`;
  if (micros < 10_000) return `${(micros / 1000).toFixed(1)} ms`;
  if (micros < 1_000_000) return `${Math.round(micros / 1000)} ms`;
  return `${(micros / 1_000_000).toFixed(1)} s`;
}

/** A longer one. @param {number} millis */
export function lasting(millis) {
  if (millis < 10_000) return `${(millis / 1000).toFixed(1)} s`;
  if (millis < 120_000) return `${Math.round(millis / 1000)} s`;
  if (millis < 7_200_000) return `${Math.round(millis / 60_000)} min`;
  return `${Math.round(millis / 3_600_000)} h`;
}

/** A size. @param {number} bytes */
export function sized(bytes) {
  if (bytes < 10_000) return `${bytes} bytes`;
  if (bytes < 10_000_000) return `${Math.round(bytes / 1000)} kB`;
  return `${Math.round(bytes / 1_000_000)} MB`;
}

/** The time of day, here. @param {number} at milliseconds of 1970 */
export function clock(at) {
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The colour of a term, always with the number beside it. @param {number} term */
export function termClass(term) {
  return term > 0 ? `term-${(term - 1) % 6}` : 'term-none';
}
