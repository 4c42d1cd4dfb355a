// The page for everyone: axe finds nothing, in light and dark, wide and narrow, with each box and drawer open.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { judge } from './axe.js';
import { keys, open, picture, settled } from './harness.js';
import { browser, program, run } from './program.js';

for (const [colorScheme, width, height] of /** @type {[('light' | 'dark'), number, number][]} */ ([['light', 1280, 800], ['dark', 1280, 800], ['light', 390, 844], ['dark', 390, 844]])) {
  test(`axe finds nothing, ${colorScheme}, ${width}x${height}`, run, async () => {
    const { page, complaints, close } = await open(browser, `${program.url}#s=set-x`, { colorScheme, viewport: { width, height } });
    await keys(page, 'Shift+ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight', '1', 'm');
    await judge(page, 'a story');
    await picture(page, `page-${colorScheme}-${width}`);
    for (const tab of ['machines', 'clients', 'checks', 'run', 'script']) {
      await page.click(`#tab-${tab}`);
      await settled(page);
      await judge(page, tab);
      await picture(page, `${tab}-${colorScheme}-${width}`);
    }
    for (const [key, name] of [['?', 'help'], ['s', 'command'], ['p', 'partition'], ['g', 'membership'], ['l', 'share']]) {
      await keys(page, key);
      await judge(page, name);
      await picture(page, `${name}-${colorScheme}-${width}`);
      await keys(page, 'Escape');
      assert.equal(await page.locator('dialog').count(), 0, name);
    }
    await keys(page, 'v');
    await judge(page, 'space-time');
    await picture(page, `spacetime-${colorScheme}-${width}`);
    await keys(page, 'v', '1', 'c', '2', 'x');
    await judge(page, 'with faults');
    assert.deepEqual(complaints, []);
    await close();
  });
}

test('everything can be reached by keys, and the focus comes back from a box', run, async () => {
  const { page, close } = await open(browser, `${program.url}#s=set-x`);
  await keys(page, 'Shift+ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight');
  const names = new Set();
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press('Tab');
    names.add(await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim()));
  }
  const all = [...names].join('\n');
  for (const expected of [/n1, .*term/, /AppendEntries .* from n\d to n\d/, /^Play$/m, /Share/, /Time/]) assert.match(all, expected);
  await page.locator('button:has-text("Partition")').focus();
  await keys(page, 'Enter');
  assert.equal(await page.locator('dialog').count(), 1);
  await keys(page, 'Escape');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Partition');
  await close();
});

test('what happens is told to who listens', run, async () => {
  const { page, close } = await open(browser, `${program.url}#s=first-election`);
  await keys(page, '.', '.');
  const event = await page.locator('.why .event').innerText();
  await page.waitForFunction((text) => document.getElementById('live')?.textContent?.includes(text), event);
  await close();
});
