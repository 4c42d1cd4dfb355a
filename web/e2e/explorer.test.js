// The explorer in a real browser, over the real program: what a person sees and does.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpack } from '../common/codec.js';
import { keys, open, picture, ready, settled, state } from './harness.js';
import { browser, program, run } from './program.js';

/** @param {import('playwright-core').Page} page */
const caption = (page) => page.locator('#caption .text').innerText();

/** The steps of the run, as the script's drawer lists them. @param {import('playwright-core').Page} page */
async function script(page) {
  await page.click('#tab-script');
  await page.evaluate(() => /** @type {any} */ (document.activeElement).blur());
  await settled(page);
  return page.locator('.script ol li button.plain').allInnerTexts();
}

/** Steps forward until something is so. @param {import('playwright-core').Page} page @param {string} key @param {() => Promise<boolean>} holds */
async function until(page, key, holds) {
  for (let i = 0; i < 400; i++) {
    if (await holds()) return;
    await keys(page, key);
  }
  assert.fail(`it never came, at ${(await state(page)).t}`);
}

test('every story is told to its end, caption by caption, and nothing complains', run, async () => {
  const stories = await (await fetch(new URL('/api/explorer/scenarios', program.url))).json();
  assert.ok(stories.length > 3);
  for (const story of stories.filter((/** @type {any} */ one) => one.captions.length > 0)) {
    const { page, complaints, close } = await open(browser, `${program.url}#s=${story.id}`);
    for (const [i, one] of story.captions.entries()) {
      if (one.t > 0 || i > 0) await keys(page, 'Shift+ArrowRight');
      assert.equal(await caption(page), one.text, story.id);
      const { t } = await state(page);
      // A story begins when all have started, in its first milliseconds.
      assert.ok(one.t === 0 ? Number(t) < 20_000 : Number(t) === one.t, `${story.id}: ${one.text}`);
      await picture(page, `${story.id}-${i + 1}`);
    }
    await keys(page, 'End');
    assert.ok(await page.locator('.badge').innerText());
    assert.deepEqual(complaints, [], story.id);
    await close();
  }
});

test('as many steps back as forward lead to the same moment', run, async () => {
  const { page, complaints, close } = await open(browser, `${program.url}#s=sandbox&t=0.2`);
  const seen = [(await state(page)).digest];
  for (const key of ['ArrowRight', 'ArrowRight', '.', 'ArrowRight']) {
    await keys(page, key);
    seen.push((await state(page)).digest);
  }
  assert.equal(new Set(seen).size, seen.length);
  await keys(page, 'ArrowLeft');
  assert.equal((await state(page)).digest, seen[3]);
  await keys(page, ',', 'ArrowRight', ',');
  await page.keyboard.press('Home');
  await ready(page);
  assert.ok(Number((await state(page)).t) < 20_000);
  assert.equal(await page.locator('[data-role="follower"]').count(), 5);
  assert.deepEqual(complaints, []);
  await close();
});

test('a link opened anew shows the same moment of the same run', run, async () => {
  const first = await open(browser, `${program.url}#s=sandbox&t=0.5`);
  await keys(first.page, '2', 'c', 'ArrowRight', 'ArrowRight', 'l');
  const link = await first.page.waitForFunction(() => /** @type {any} */ (document.querySelector('dialog input'))?.value.includes('#r=') && /** @type {any} */ (document.querySelector('dialog input')).value);
  const there = await state(first.page);
  const second = await open(browser, String(await link.jsonValue()));
  const here = await state(second.page);
  assert.deepEqual([here.digest, here.t, here.n], [there.digest, there.t, there.n]);
  assert.equal(await second.page.locator('[data-node="2"]').getAttribute('data-role'), 'down');
  await first.close();
  await second.close();
});

test('a crash by hand and one by keys write the same step', run, async () => {
  const scripts = [];
  for (const way of ['hand', 'keys']) {
    const { page, close } = await open(browser, `${program.url}#s=sandbox&t=0.6`);
    if (way === 'keys') await keys(page, '3', 'c');
    else {
      await page.click('[data-node="3"]');
      await page.click('#drawer button:has-text("Crash")');
      await settled(page);
    }
    assert.equal(await page.locator('[data-node="3"]').getAttribute('data-role'), 'down');
    scripts.push(await script(page));
    await close();
  }
  assert.deepEqual(scripts[0], scripts[1]);
  assert.equal(scripts[0].length, 1);
});

test('a line across a link cuts it, one from server to server cuts that direction', run, async () => {
  const { page, complaints, close } = await open(browser, `${program.url}#s=sandbox&t=0.6`);
  const at = async (/** @type {number} */ id) => {
    const box = await page.locator(`[data-node="${id}"] .body`).boundingBox() ?? assert.fail();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const [a, b, c] = [await at(1), await at(2), await at(3)];
  const [x, y] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
  await page.mouse.move(x - 25, y + 25);
  await page.mouse.down();
  await page.mouse.move(x + 25, y - 25, { steps: 6 });
  await page.mouse.up();
  await settled(page);
  assert.match(await page.locator('[data-link="1 2"]').getAttribute('aria-label') ?? '', /cut from n1 to n2; cut from n2 to n1/);
  await page.mouse.move(b.x, b.y);
  await page.mouse.down();
  await page.mouse.move(c.x, c.y, { steps: 8 });
  await page.mouse.up();
  await settled(page);
  assert.match(await page.locator('[data-link="2 3"]').getAttribute('aria-label') ?? '', /: cut from n2 to n3$/);
  await picture(page, 'cut');
  assert.equal((await script(page)).length, 3);
  assert.deepEqual(complaints, []);
  await close();
});

test('dropping the requests for votes changes who leads, and the first branch is kept', run, async () => {
  const { page, complaints, close } = await open(browser, `${program.url}#s=first-election`);
  const leader = async () => page.locator('[data-role="leader"]').first().getAttribute('data-node');
  await until(page, 'ArrowRight', async () => (await page.locator('[data-role="leader"]').count()) > 0);
  const first = await leader();
  const moment = await state(page);
  await keys(page, 'Home');
  await until(page, 'ArrowRight', async () => (await page.locator('.flight[data-kind="RequestVote"]').count()) > 0);
  const asked = await page.locator('.flight[data-kind="RequestVote"]').evaluateAll((all) => all.map((one) => one.getAttribute('data-flight')));
  for (const id of asked) {
    await page.locator(`[data-flight="${id}"] [role="button"]`).focus();
    await keys(page, 'Enter', 'd');
  }
  assert.equal((await state(page)).branch, 'B');
  await until(page, 'Shift+ArrowRight', async () => (await page.locator('[data-role="leader"]').count()) > 0);
  assert.notEqual([await leader(), (await state(page)).t].join(), [first, moment.t].join());
  await picture(page, 'fork');
  await keys(page, 'f');
  assert.equal((await state(page)).branch, 'A');
  assert.deepEqual(await script(page), []);
  await until(page, 'ArrowRight', async () => (await page.locator('[data-role="leader"]').count()) > 0);
  assert.deepEqual([await leader(), (await state(page)).digest], [first, moment.digest]);
  assert.deepEqual(complaints, []);
  await close();
});

test('a client\'s command is stored, and the answer is shown', run, async () => {
  const { page, complaints, close } = await open(browser, `${program.url}#s=sandbox&t=0.6`);
  await keys(page, 's');
  await page.fill('dialog input[name="wish"]', 'colour=blue');
  await page.keyboard.press('Enter');
  await settled(page);
  assert.equal(await page.locator('dialog').count(), 0);
  await page.click('#tab-clients');
  await until(page, '.', async () => (await page.locator('#drawer tbody tr').first().innerText()).includes('done'));
  await page.click('#tab-machines');
  await settled(page);
  assert.match(await page.locator('#drawer').innerText(), /colour[\s\S]*blue/);
  assert.deepEqual(complaints, []);
  await close();
});

test('everything that can be done is understood, and becomes a step', run, async () => {
  const { page, complaints, close } = await open(browser, `${program.url}#s=sandbox&t=0.6`);
  const leader = await page.locator('[data-role="leader"]').getAttribute('data-node') ?? '';
  const follower = leader === '1' ? '2' : '1';
  let steps = 0;
  const done = async (/** @type {string} */ what, count = 1) => {
    await settled(page);
    steps += count;
    assert.deepEqual(await page.locator('#notice').allInnerTexts(), [], what);
    assert.equal(JSON.parse(await runOf(page)).script.length, steps, what);
  };
  const button = (/** @type {string} */ text) => page.locator(`#drawer .acts button:has-text("${text}")`).first().click();
  for (const text of ['Slow disk', 'Pause ½ s', 'Snapshot', 'Let it lead', 'Time out', 'Power loss', 'Restart', 'Lose its disk']) {
    await keys(page, follower);
    await button(text);
    await done(text);
  }
  await keys(page, leader);
  await button('Hand over');
  await done('Hand over');
  for (const key of ['a', 'e', 'h']) {
    await keys(page, key);
    await done(key);
  }
  for (const key of ['u', 'w', 'd']) {
    await until(page, 'ArrowRight', async () => (await page.locator('.flight').count()) > 0);
    await keys(page, 'm', key);
    await done(key);
  }
  await keys(page, 'p');
  await page.click('dialog button[type="submit"]');
  await done('partition');
  await keys(page, 'g');
  await page.click('dialog button:has-text("Remove the leader")');
  await done('membership');
  await keys(page, 'g');
  await page.click('dialog input[aria-label="n5 none"]');
  await page.click('dialog button[type="submit"]');
  await done('membership in one request');
  await keys(page, 's');
  await page.check('dialog input[name="named"]');
  await page.click('dialog button[type="submit"]');
  await done('a command in a session', 2);
  assert.deepEqual(complaints, []);
  await close();
});

/** The run as the page holds it, from its link. @param {import('playwright-core').Page} page */
async function runOf(page) {
  await keys(page, 'l');
  await page.waitForFunction(() => /** @type {any} */ (document.querySelector('dialog input'))?.value.includes('#'));
  const link = await page.inputValue('dialog input');
  await keys(page, 'Escape');
  return unpack(/r=([\w-]+)/.exec(link)?.[1] ?? '');
}

test('where motion is not wanted, nothing moves until it is stepped', run, async () => {
  const { page, close } = await open(browser, program.url);
  const before_ = await state(page);
  await page.evaluate(() => new Promise((resolve) => {
    let frames = 0;
    const next = () => (++frames < 30 ? requestAnimationFrame(next) : resolve(0));
    next();
  }));
  assert.deepEqual(await state(page), before_);
  await keys(page, 'ArrowRight');
  assert.notEqual((await state(page)).digest, before_.digest);
  await close();
});

test('where motion is wanted, the sandbox plays by itself and stops when told', run, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'no-preference' });
  const page = await context.newPage();
  await page.goto(`${program.url}#s=sandbox`);
  await page.waitForFunction(() => Number(/** @type {any} */ (document.getElementById('app')).dataset.t) > 2000);
  await page.keyboard.press('Space');
  await ready(page);
  const { t } = await state(page);
  await settled(page);
  assert.equal((await state(page)).t, t);
  await context.close();
});

test('where motion is wanted, the next caption is played to, and told when it is there', run, async () => {
  const { page, complaints, close } = await open(browser, `${program.url}#s=set-x`, { reducedMotion: 'no-preference' });
  await keys(page, 'Shift+ArrowRight');
  const from = Number((await state(page)).t);
  await page.keyboard.press('Shift+ArrowRight');
  const times = await page.evaluate(async () => {
    const app = /** @type {any} */ (document.getElementById('app'));
    const seen = new Set();
    for (let frames = 0; frames < 3000 && (frames < 3 || app.dataset.playing === 'true'); frames++) {
      seen.add(Number(app.dataset.t));
      await new Promise(requestAnimationFrame);
    }
    return [...seen, Number(app.dataset.t)];
  });
  assert.ok(times.length > 3 && times[0] >= from && (times.at(-1) ?? 0) > times[0], JSON.stringify(times));
  assert.match(await page.locator('#caption .place').innerText(), /^2\//);
  assert.deepEqual(complaints, []);
  await close();
});

test('an export opens from a file and plays without the program', run, async () => {
  const { page, close } = await open(browser, `${program.url}#s=set-x`);
  await keys(page, 'Shift+ArrowRight', 'Shift+ArrowRight');
  const [told, here] = [await caption(page), await state(page)];
  await keys(page, 'l');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('dialog button:has-text("HTML")')]);
  const file = join(mkdtempSync(join(tmpdir(), 'explorer-')), 'story.html');
  await download.saveAs(file);
  await close();
  assert.doesNotMatch(readFileSync(file, 'utf8').replaceAll('http://www.w3.org', ''), /src="\/|href="\/|https?:\/\//);
  const alone = await open(browser, `file://${file}`);
  assert.equal(await caption(alone.page), told);
  assert.equal((await state(alone.page)).t, here.t);
  await keys(alone.page, 'Shift+ArrowRight');
  assert.notEqual(await caption(alone.page), told);
  await keys(alone.page, 'ArrowRight', 'Shift+ArrowLeft', 'Shift+ArrowLeft');
  assert.equal(await caption(alone.page), told);
  await keys(alone.page, '1', 'c');
  assert.match(await alone.page.locator('#notice').innerText(), /recording/);
  assert.deepEqual(alone.complaints, []);
  await alone.close();
});

test('a picture needs no page around it, and the run is a file that can be played again', run, async () => {
  const { page, complaints, close } = await open(browser, `${program.url}#s=figure-8`);
  await keys(page, 'Shift+ArrowRight', 'Shift+ArrowRight', 'l');
  const take = async (/** @type {string} */ name) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`dialog button:has-text("${name}")`)]);
    return readFileSync(await download.path(), 'utf8');
  };
  for (const name of ['Ring (SVG)', 'Logs (SVG)']) {
    const svg = await take(name);
    assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    assert.doesNotMatch(svg, /class=|var\(|<script/);
    assert.match(svg, /fill="rgb\(/);
  }
  const stories = await (await fetch(new URL('/api/explorer/scenarios', program.url))).json();
  const file = JSON.parse(await take('Run (JSON)'));
  assert.deepEqual(file, stories.find((/** @type {any} */ one) => one.id === 'figure-8').run);
  assert.equal(JSON.parse(await take('Trace (JSON)')).traces[0].from, 0);
  assert.match(await take('ShiViz'), /n\d/);
  assert.deepEqual(complaints, []);
  await close();
});

test('what can not be shown is said in a sentence, and something else is shown', run, async () => {
  /** @type {[string, RegExp][]} */
  const cases = [['#s=nothing', /There is no story "nothing"/], ['#r=broken', /The link is broken/], ['#story=figure-8', /names no story/], ['#s=sandbox&t=soon', /no number of seconds/]];
  for (const [hash, sentence] of cases) {
    const { page, close } = await open(browser, program.url + hash);
    assert.match(await page.locator('#notice').innerText(), sentence);
    assert.ok(await page.locator('#ring').count());
    await close();
  }
});

test('a run of another version, and a script with a mistake, are refused with the reason', run, async () => {
  const { page, close } = await open(browser, `${program.url}#s=sandbox&t=0.3`);
  await page.click('#tab-script');
  await page.click('#drawer summary');
  const text = await page.inputValue('textarea');
  for (const [wrong, sentence] of /** @type {[string, RegExp][]} */ ([
    [text.replace('"v": 1', '"v": 7'), /version 7/], [text.replace('"members": 5', '"members": 50'), /50 members/], [text.replace('"seed"', '"seed'), /^Line \d+/],
  ])) {
    await page.fill('textarea', wrong);
    await page.click('#drawer button[type="submit"]');
    await page.waitForFunction((source) => new RegExp(source).test(document.querySelector('#drawer .error')?.textContent ?? ''), sentence.source);
  }
  await page.fill('textarea', text.replace(/"seed": \d+/, '"seed": 9'));
  await page.click('#drawer button[type="submit"]');
  await page.waitForSelector('#app[data-branch="B"]');
  assert.match(await page.locator('.seed').innerText(), /^seed 9,/);
  await close();
});

test('with a rule left out the page says that it is not Raft', run, async () => {
  const { page, close } = await open(browser, `${program.url}#s=sandbox&t=0.3`);
  await page.click('#tab-run');
  await page.click('#drawer label:has-text("One vote a term") input');
  await settled(page);
  assert.match(await page.locator('.not-raft').innerText(), /Not Raft: one_vote is off/);
  await close();
});
