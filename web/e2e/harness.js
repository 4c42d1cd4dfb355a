// A browser and the program, for tests that look at the page as a person does. They wait for what the page says of itself,
// never for time.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const QUORATE = process.env.QUORATE_BIN ?? '';
/** A folder whose page is looked at in the place of the program's own, to try an edit without a build. */
const OWN_PAGE = process.env.WEB_DIR ? ['--web-dir', process.env.WEB_DIR] : [];
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
/** Where pictures go, if anybody wants some. */
export const PICTURES = process.env.PICTURES ?? '';
export const WEB = fileURLToPath(new URL('..', import.meta.url));

/** Why these tests can't run here, or nothing. */
export function missing() {
  if (!existsSync(CHROMIUM)) return `there is no ${CHROMIUM} (CHROMIUM names another)`;
  if (!QUORATE || !existsSync(QUORATE)) return 'QUORATE_BIN does not name the program';
  return '';
}

/** Only on a machine that is not meant to run them may they be left out. */
export function options() {
  const why = missing();
  if (why && process.env.CI) throw new Error(why);
  return why ? { skip: why } : {};
}

export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/**
 * Starts `quorate explore` on a free port.
 * @param {string[]} [more]
 * @returns {Promise<{url: string, opens: string, stop: () => void}>}
 */
export function explore(more = []) {
  const child = spawn(QUORATE, ['explore', '--listen', '127.0.0.1:0', ...OWN_PAGE, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve, reject) => {
    let said = '';
    const listen = (/** @type {any} */ chunk) => {
      said += chunk;
      const found = /(http:\/\/[\d.:]+)\/explorer(#\S*)?/.exec(said);
      if (found) resolve({ url: `${found[1]}/explorer`, opens: found[0], stop: () => child.kill() });
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('exit', (code) => reject(new Error(`quorate explore ended with ${code}: ${said}`)));
  });
}

/**
 * A page that must not complain: what the console says is collected.
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 * @param {any} [more] of the browser's context
 */
export async function open(browser, url, more = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...more });
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('requestfailed', (request) => !/net::ERR_ABORTED/.test(request.failure()?.errorText ?? '') && complaints.push(`${request.url()} failed`));
  await page.goto(url);
  await ready(page);
  return { page, context, complaints, close: () => context.close() };
}

/** @param {import('playwright-core').Page} page */
export async function ready(page) {
  await page.waitForSelector('#app[data-ready="true"][data-playing="false"]', { timeout: 30_000 });
}

/** What the page says of itself, once it is ready. @param {import('playwright-core').Page} page */
export async function state(page) {
  await ready(page);
  return page.evaluate(() => ({ .../** @type {any} */ (document.getElementById('app')).dataset }));
}

/** Presses keys one after the other, each when the page has done the one before. @param {import('playwright-core').Page} page @param {...string} keys */
export async function keys(page, ...keys) {
  for (const key of keys) {
    await page.keyboard.press(key);
    await settled(page);
  }
}

/** Waits until the page has drawn what was asked of it. @param {import('playwright-core').Page} page */
export async function settled(page) {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await ready(page);
}

/** @param {import('playwright-core').Page} page @param {string} name */
export async function picture(page, name) {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), timeout: 120_000 });
}
