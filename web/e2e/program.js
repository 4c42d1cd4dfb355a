// One browser and one `quorate explore` for all tests of a file: there before the first, gone after the last.

import { after, before } from 'node:test';
import { explore, launch, options } from './harness.js';

export const run = options();
/** @type {import('playwright-core').Browser} */
export let browser;
/** @type {Awaited<ReturnType<typeof explore>>} */
export let program;

before(async () => {
  if ('skip' in run) return;
  [browser, program] = [await launch(), await explore()];
});
after(async () => {
  await browser?.close();
  program?.stop();
});
