// What a person would see at once: nothing is cut off, nothing hides a name, at both sizes; and what the mouse does, keys do.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { pack, unpack } from '../common/codec.js';
import { keys, open, settled } from './harness.js';
import { browser, program, run } from './program.js';

/** All that is cut off, or lies on something that it should not, in words. Runs on the page. */
function crowded() {
  /** @type {string[]} */
  const found = [];
  const all = (/** @type {string} */ path) => [...document.querySelectorAll(path)];
  const box = (/** @type {Element} */ element) => element.getBoundingClientRect();
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const text of all('#logs .cell .command')) {
    const [own, cell] = [box(text), box(/** @type {Element} */ (text.parentElement?.querySelector('.edge')))];
    if (own.left < cell.left - 1 || own.right > cell.right + 1) found.push(`"${text.textContent}" is wider than its cell`);
  }
  const ring = box(all('#ring')[0]);
  for (const part of all('#ring .body, #ring .kv, #ring .client')) {
    const own = box(part);
    if (own.top < ring.top - 1 || own.bottom > ring.bottom + 1 || own.left < ring.left - 1 || own.right > ring.right + 1) found.push(`${part.getAttribute('class')} "${part.textContent}" leaves the ring`);
  }
  const round = 2 * Number(/A([\d.]+)/.exec(all('.gauge path')[0]?.getAttribute('d') ?? '')?.[1]);
  for (const text of all('.gauge text')) if (box(text).width > round - 6) found.push(`"${text.textContent}" does not fit into the middle`);
  if (all('#ring > g').findIndex((one) => one.querySelector('[data-flight]')) > all('#ring > g').findIndex((one) => one.querySelector('[data-node]'))) found.push('messages hide names');
  if (innerWidth > 1100 && box(all('#top')[0]).height > 56) found.push('the head of the page has two rows');
  for (const button of all('#stage button, #transport button, #caption button')) {
    if (box(button).height > 40) found.push(`the button "${button.textContent}" has two lines`);
    if (box(button).right > innerWidth + 1) found.push(`the button "${button.textContent}" is cut off`);
  }
  return found;
}

for (const [width, height] of [[1280, 800], [390, 844]]) {
  test(`nothing is cut off or hidden at ${width}x${height}`, run, async () => {
    const stories = await (await fetch(new URL('/api/explorer/scenarios', program.url))).json();
    const { page, complaints, close } = await open(browser, `${program.url}#s=sandbox&t=0.3`, { viewport: { width, height } });
    for (const id of ['figure-7', 'figure-8', 'joint-consensus', 'two-majorities', 'command-asked-twice', 'minority-leader', 'snapshot']) {
      await page.selectOption('#top select', id);
      await settled(page);
      for (const one of stories.find((/** @type {any} */ story) => story.id === id).captions) {
        await keys(page, 'Shift+ArrowRight');
        assert.deepEqual(await page.evaluate(crowded), [], `${id}: ${one.text}`);
      }
    }
    assert.deepEqual(complaints, []);
    await close();
  });
}

/** The script of the run as the page holds it, from its link. @param {import('playwright-core').Page} page */
async function scriptOf(page) {
  await keys(page, 'l');
  await page.waitForFunction(() => /** @type {any} */ (document.querySelector('dialog input'))?.value.includes('#'));
  const link = await page.inputValue('dialog input');
  await keys(page, 'Escape');
  return JSON.parse(await unpack(/r=([\w-]+)/.exec(link)?.[1] ?? '')).script;
}

/** @param {import('playwright-core').Page} page @param {{x: number, y: number}[]} line */
async function draw(page, line) {
  await page.mouse.move(line[0].x, line[0].y);
  await page.mouse.down();
  for (const point of line.slice(1)) await page.mouse.move(point.x, point.y, { steps: 8 });
  await page.mouse.up();
  await settled(page);
}

/** @param {import('playwright-core').Page} page @param {number} id */
async function middle(page, id) {
  const box = await page.locator(`[data-node="${id}"] .body`).boundingBox() ?? assert.fail();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** The same fault by mouse and by keys. @type {Record<string, {mouse: (page: import('playwright-core').Page) => Promise<void>, keys: string[]}>} */
const FAULTS = {
  'one direction of a link': { mouse: async (page) => draw(page, [await middle(page, 2), await middle(page, 3)]), keys: ['2', '3', 'y'] },
  'a partition': {
    mouse: async (page) => {
      const { x, y } = await middle(page, 1);
      await draw(page, [[-70, -60], [70, -60], [70, 75], [-70, 75], [-68, -55]].map(([dx, dy]) => ({ x: x + dx, y: y + dy })));
    },
    keys: ['p', 'Tab', 'Tab', 'ArrowRight', 'Tab', 'Tab', 'Tab', 'Tab', 'Enter'],
  },
  'a power loss': { mouse: async (page) => (await page.click('[data-node="4"]'), page.click('#drawer button:has-text("Power loss")')), keys: ['4', 'b'] },
  'a timeout': { mouse: async (page) => (await page.click('[data-node="4"]'), page.click('#drawer button:has-text("Time out")')), keys: ['4', 't'] },
  'a snapshot': { mouse: async (page) => (await page.click('[data-node="4"]'), page.click('#drawer button:has-text("Snapshot")')), keys: ['4', 'n'] },
  'a message that is late': { mouse: async (page) => (await page.locator('.flight').first().click(), page.click('#drawer button:has-text("Delay")')), keys: ['m', 'w'] },
};
for (const [name, ways] of Object.entries(FAULTS)) {
  test(`${name}, by mouse and by keys, is the same step`, run, async () => {
    const scripts = [];
    for (const way of ['mouse', 'keys']) {
      const { page, complaints, close } = await open(browser, `${program.url}#s=sandbox&t=0.6`);
      if (way === 'mouse') await ways.mouse(page);
      else await keys(page, ...ways.keys);
      await settled(page);
      scripts.push(await scriptOf(page));
      assert.deepEqual(complaints, []);
      await close();
    }
    assert.deepEqual(scripts[0], scripts[1]);
    assert.equal(scripts[0].length, 1);
  });
}

test('an entry is looked at by keys, and messages are stepped by hand, there and back', run, async () => {
  const { page, close } = await open(browser, `${program.url}#s=set-x`);
  await keys(page, 'Shift+ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight', '5', 'i');
  assert.match(await page.locator('#drawer h3').innerText(), /^Entry 2@1 on n5/);
  await keys(page, 'i');
  assert.match(await page.locator('#drawer h3').innerText(), /^Entry 1@1 on n5/);
  const clock = () => page.locator('.clock').innerText();
  const next = page.locator('button[aria-label="To the next message that arrives"]');
  const back = page.locator('button[aria-label="Back to the message before"]');
  await next.click();
  await settled(page);
  const first = await clock();
  await next.click();
  await settled(page);
  assert.notEqual(await clock(), first);
  await back.click();
  await settled(page);
  assert.equal(await clock(), first);
  await close();
});

test('a fork by hand keeps branch A, and both can be looked at', run, async () => {
  const { page, close } = await open(browser, `${program.url}#s=set-x`);
  await keys(page, 'Shift+ArrowRight', 'Shift+ArrowRight');
  await page.click('button[aria-label="Fork here"]');
  await settled(page);
  const names = page.locator('.branches button:not([aria-label])');
  assert.deepEqual(await names.allInnerTexts(), ['A', 'B']);
  await names.first().click();
  await settled(page);
  assert.equal(await page.locator('#app').getAttribute('data-branch'), 'A');
  await close();
});

test('a command asked again in its session takes effect once', run, async () => {
  const { page, close } = await open(browser, `${program.url}#s=sandbox&t=0.6`);
  await keys(page, 's');
  await page.fill('dialog input[name="wish"]', 'x=7');
  await page.check('dialog input[name="named"]');
  await page.keyboard.press('Enter');
  await settled(page);
  await page.click('#tab-clients');
  const done = () => page.locator('#drawer tbody tr', { hasText: 'x 7' }).filter({ hasText: 'done' }).count();
  const until = async (/** @type {number} */ count) => {
    for (let i = 0; i < 200 && await done() < count; i++) await keys(page, '.');
    assert.equal(await done(), count);
  };
  await until(1);
  const entries = await page.locator('#logs .row').first().locator('.cell').count();
  await page.locator('#drawer tbody tr', { hasText: 'x 7' }).locator('button').first().click();
  await settled(page);
  await until(2);
  assert.equal(await page.locator('#logs .row').first().locator('.cell').count(), entries);
  await close();
});

test('a link to a run of another version, and a run that is too large, are refused in a sentence', run, async () => {
  const stories = await (await fetch(new URL('/api/explorer/scenarios', program.url))).json();
  const link = await open(browser, `${program.url}#r=${await pack(JSON.stringify({ ...stories[0].run, v: 7 }))}`);
  assert.match(await link.page.locator('#notice').innerText(), /version 7/);
  assert.ok(await link.page.locator('#ring').count());
  await link.close();
  const { page, close } = await open(browser, `${program.url}#s=sandbox&t=0.3`);
  await page.click('#tab-script');
  await page.click('#drawer summary');
  const step = (/** @type {number} */ i) => ({ at: i + 1, act: { Client: { to: 0, op: { Put: { key: 'x', value: 'y'.repeat(200) } } } } });
  const large = { ...JSON.parse(await page.inputValue('textarea')), script: Array.from({ length: 400 }, (_, i) => step(i)) };
  await page.fill('textarea', JSON.stringify(large));
  await page.click('#drawer button[type="submit"]');
  await page.waitForFunction(() => /larger than 64 kB/.test(document.querySelector('#drawer .error')?.textContent ?? ''));
  await close();
});
