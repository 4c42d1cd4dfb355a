// The pages' files keep to what makes them simple to serve, to export in one piece, and safe.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { served } from './served.js';

const WEB = fileURLToPath(new URL('..', import.meta.url));
const list = readFileSync(join(WEB, 'modules.txt'), 'utf8').trim().split('\n');
const text = (/** @type {string} */ path) => readFileSync(join(WEB, path), 'utf8');
const modules = new Map(list.map((path) => [path, text(path)]));
const IMPORT = /^import \{ [\w, ]+ \} from '(\.[\w./]+)';$/;
const EXPORT = /^export (?:async )?(?:function|const|class) (\w+)/;
const TOP_LEVEL = /^(?:export )?(?:async )?(?:function|const|let|class) (\w+|\[[^\]]+\])/;

test('every module is listed, once, and none that is not there', () => {
  const there = ['common', 'explorer'].flatMap((folder) => readdirSync(join(WEB, folder)).map((name) => `${folder}/${name}`));
  assert.deepEqual([...list].sort(), there.sort());
});

test('a module is imported by one line, from a module that is listed before', () => {
  for (const [path, source] of modules) {
    for (const line of source.split('\n').filter((one) => /^import\b/.test(one))) {
      const [, from] = IMPORT.exec(line) ?? assert.fail(`${path}: ${line}`);
      const target = relative(WEB, join(WEB, dirname(path), from));
      assert.ok(list.indexOf(target) >= 0 && list.indexOf(target) < list.indexOf(path), `${path} imports ${target}`);
    }
  }
});

test('what is exported has the word in front, so that one file can be made of all', () => {
  for (const [path, source] of modules) {
    for (const line of source.split('\n').filter((one) => /^export\b/.test(one))) assert.match(line, EXPORT, `${path}: ${line}`);
  }
});

test('names at the top of modules are unique over all of them', () => {
  /** @type {Map<string, string>} */
  const seen = new Map();
  for (const [path, source] of modules) {
    for (const line of source.split('\n')) {
      const found = TOP_LEVEL.exec(line);
      for (const name of found?.[1].match(/\w+/g) ?? []) {
        assert.ok(!seen.has(name), `${name} is in ${seen.get(name)} and in ${path}`);
        seen.set(name, path);
      }
    }
  }
});

test('modules made into one still are a program', () => {
  const whole = [...modules.values()].map((source) => source.replace(/^import .*\n/gm, '').replace(/^export /gm, '')).join('\n');
  assert.doesNotThrow(() => new Function(`return async () => {${whole}}`));
});

test('text never becomes markup, and no style is set on elements', () => {
  const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|DOMParser|\bstyle:|\.style\.|setAttribute\('style|javascript:/;
  for (const [path, source] of modules) assert.doesNotMatch(source, forbidden, path);
  assert.doesNotMatch(text('explorer.html'), /\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)/);
});

test('a file says first what it is for, and holds one idea', () => {
  for (const [path, source] of modules) {
    assert.match(source, /^\/\/ \S/, path);
    assert.ok(source.split('\n').length <= 300, `${path} has more than 300 lines`);
  }
  assert.ok(text('common/dom.js').split('\n').length <= 160);
});

test('the explorer weighs less than 150 kB with everything', () => {
  const files = [...list, 'explorer.html', 'style.css', 'favicon.svg'];
  const weight = files.reduce((sum, path) => sum + Buffer.byteLength(served(path, text(path))), 0);
  console.log(`the explorer weighs ${weight} bytes`);
  assert.ok(weight < 150_000, `${weight} bytes`);
});

test('comments and indentation can be left out without a look at what stands in strings', () => {
  for (const [path, source] of modules) {
    for (const line of source.split('\n')) assert.equal((line.match(/`/g) ?? []).length % 2, 0, `${path}: a text over several lines: ${line}`);
    const strings = source.replace(/\/\*\*.*?\*\/|^\s*\/\/.*$/gms, '').match(/'[^'\n]*'|`[^`]*`/g) ?? [];
    for (const one of strings) assert.doesNotMatch(one, /\/\*\*|^\s*\/\/|\*\//m, `${path}: ${one}`);
    assert.doesNotThrow(() => new Function(`return async () => {${served(path, source).replace(/^import .*\n/gm, '').replace(/^export /gm, '')}}`), path);
  }
});
