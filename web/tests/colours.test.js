// Every text can be read in both themes, on every term's colour.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const css = readFileSync(new URL('../style.css', import.meta.url), 'utf8');

/** The tokens in one theme. @param {0 | 1} which @returns {Record<string, string>} */
function tokens(which) {
  const block = css.slice(css.indexOf(':root {'), css.indexOf('}'));
  const found = [...block.matchAll(/--([\w-]+): (?:light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)|(#[0-9a-f]{6}));/g)];
  return Object.fromEntries(found.map(([, name, light, dark, both]) => [name, both ?? [light, dark][which]]));
}
const light = tokens(0);
const dark = tokens(1);

/** @param {string} colour @returns {number[]} */
const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/** @param {number[]} rgb */
function luminance(rgb) {
  const [r, g, b] = rgb.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {number[]} a @param {number[]} b */
function contrast(a, b) {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}

/** @param {string} over @param {string} under @param {number} share */
const mixed = (over, under, share) => parts(over).map((part, i) => part * share + parts(under)[i] * (1 - share));

for (const [theme, colours] of Object.entries({ light, dark })) {
  test(`in the ${theme} theme all text has a contrast of 4.5`, () => {
    /** @type {[string, number[], number[]][]} */
    const pairs = [];
    for (const ground of ['paper', 'card', 'sunken']) {
      for (const text of ['ink', 'soft', 'bad', 'good']) pairs.push([`${text} on ${ground}`, parts(colours[text]), parts(colours[ground])]);
    }
    for (let term = 0; term < 6; term++) {
      pairs.push([`number of term ${term}`, parts(colours['on-term']), parts(colours[`t${term}`])]);
      pairs.push([`entry of term ${term} that is not committed`, parts(colours.ink), mixed(colours[`t${term}`], colours.card, 0.36)]);
    }
    pairs.push(['a main button', parts(colours['on-accent']), parts(colours.accent)], ['a problem', parts(colours.bad), parts(colours['bad-ground'])]);
    for (const [what, text, ground] of pairs) assert.ok(contrast(text, ground) >= 4.5, `${what}: ${contrast(text, ground).toFixed(2)}`);
  });

  test(`in the ${theme} theme terms differ from each other and from what is behind them`, () => {
    for (let a = 0; a < 6; a++) {
      const edge = contrast(parts(colours[`l${a}`]), parts(colours.paper));
      assert.ok(edge >= 3, `edge of term ${a}: ${edge.toFixed(2)}`);
      for (let b = a + 1; b < 6; b++) {
        const [p, q] = [parts(colours[`t${a}`]), parts(colours[`t${b}`])];
        assert.ok(Math.hypot(...p.map((part, i) => part - q[i])) > 60, `terms ${a} and ${b}`);
      }
    }
  });
}

test('each colour is written once for both themes, so that the system and a person choose the same', () => {
  assert.ok(Object.keys(dark).length >= 25 && Object.keys(dark).every((name) => dark[name] && light[name]));
  assert.doesNotMatch(css, /prefers-color-scheme/);
});

test('uncommitted entries are as pale as is assumed here', () => assert.match(css, /\.cell\.open \.ink \{ opacity: 0\.36; \}/));
