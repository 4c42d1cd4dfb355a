// For everyone: a line that screen readers speak, whether motion is wanted, light or dark.
//
// It knows the browser's settings, not what is shown.

/** Whether things may move by themselves. */
export function motionIsWanted() {
  return !matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/**
 * Speaks a line, but no more often than a person can listen: of many only the last.
 * @param {HTMLElement} region an element with `aria-live`
 * @param {number} [pause] milliseconds
 */
export function speaker(region, pause = 600) {
  let waiting = '';
  /** @type {any} */
  let timer = null;
  const speak = () => {
    timer = null;
    if (waiting && region.textContent !== waiting) {
      region.textContent = waiting;
      timer = setTimeout(speak, pause);
    }
    waiting = '';
  };
  return (/** @type {string} */ line) => {
    waiting = line;
    if (timer === null) speak();
  };
}

/** `light`, `dark`, or what the system says. */
export function theme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Reads what was chosen here before; a page from a file may have no storage. */
export function restoreTheme() {
  try {
    const chosen = localStorage.getItem('theme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  } catch { /* without storage the system decides */ }
}

export function switchTheme() {
  const next = theme() === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem('theme', next);
  } catch { /* it lasts until the page is closed */ }
}
