// What a person can take away: the run, the picture as it is, the trace, and a page that plays without any program.
//
// It knows files. The page that stands alone, the engine puts together.

/** @import {Engine} from './engine.js' */
/** @import {Branch} from './session.js' */

/** What a picture needs of the page's style to look the same alone. */
const STYLE = [
  'fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linecap', 'stroke-linejoin', 'opacity', 'font-family', 'font-size', 'font-weight',
  'text-anchor', 'text-decoration', 'paint-order',
];

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  [link.href, link.download] = [url, name];
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A copy of an element of the page that needs no style sheet. @param {Element} element */
export function picture(element) {
  const copy = /** @type {Element} */ (element.cloneNode(true));
  const [from, to] = [[element, ...element.querySelectorAll('*')], [copy, ...copy.querySelectorAll('*')]];
  from.forEach((one, i) => {
    const style = getComputedStyle(one);
    for (const name of STYLE) to[i].setAttribute(name, style.getPropertyValue(name));
    for (const name of ['tabindex', 'role', 'class', 'aria-pressed']) to[i].removeAttribute(name);
  });
  const box = element.getBoundingClientRect();
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(Math.round(box.width)));
  copy.setAttribute('height', String(Math.round(box.height)));
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  for (const [name, value] of [['width', '100%'], ['height', '100%'], ['fill', getComputedStyle(document.documentElement).backgroundColor]]) ground.setAttribute(name, value);
  copy.prepend(ground);
  return new XMLSerializer().serializeToString(copy);
}

/**
 * The ways to take something away, by their names on the buttons.
 * @param {{engine: Engine, branch: Branch, tell: (sentence: string) => void}} scene
 * @returns {Record<string, () => void>}
 */
export function exportWays({ engine, branch, tell }) {
  const { run, story, player } = branch;
  const name = story?.id ?? `run-${run.seed}`;
  const svg = (/** @type {string} */ id) => () => {
    const element = document.getElementById(id);
    if (element) save(new Blob([picture(element)], { type: 'image/svg+xml' }), `${name}-${id}.svg`);
  };
  const ask = (/** @type {string} */ as, /** @type {string} */ ending) => async () => {
    const about = story && { id: story.id, title: story.title, paper: story.paper, captions: story.captions };
    const until = Math.max(Math.ceil(player.reached), story?.end ?? 0, 1);
    try {
      save(await engine.file({ run, story: about ?? undefined, until, t: Math.round(player.t), as }), `${name}.${ending}`);
    } catch (error) {
      tell(/** @type {Error} */ (error).message);
    }
  };
  return {
    'Run (JSON)': () => save(new Blob([JSON.stringify(run, null, 2) + '\n'], { type: 'application/json' }), `${name}.run.json`),
    'Ring (SVG)': svg(document.getElementById('spacetime') ? 'spacetime' : 'ring'),
    'Logs (SVG)': svg('logs'),
    'Page that plays alone (HTML)': ask('html', 'html'),
    'Trace (JSON)': ask('trace', 'trace.json'),
    'ShiViz log': ask('shiviz', 'shiviz.txt'),
  };
}
