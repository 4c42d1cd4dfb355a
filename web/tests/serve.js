// Serves the pages from their folder, with an engine that is a function, so that a browser can try them without the program.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const WEB = fileURLToPath(new URL('..', import.meta.url));
/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml' };

/** What the program sends as well. */
export const POLICY = "default-src 'self'; require-trusted-types-for 'script'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * @param {{stories: any[], trace: (run: any, from: number, until: number) => any, file?: (request: any) => any}} engine
 * @returns {Promise<{url: string, asked: any[], close: () => void}>}
 */
export async function serve(engine) {
  /** @type {any[]} */
  const asked = [];
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    response.setHeader('Content-Security-Policy', POLICY);
    try {
      if (path === '/api/explorer/scenarios') return answer(response, engine.stories);
      if (path === '/api/explorer/trace') {
        let body = '';
        for await (const chunk of request) body += chunk;
        const { run, from, until } = JSON.parse(body);
        asked.push({ run, from, until });
        return answer(response, await engine.trace(run, from, until));
      }
      if (path === '/api/explorer/export' && engine.file) {
        let body = '';
        for await (const chunk of request) body += chunk;
        return response.end(await engine.file(JSON.parse(body)));
      }
      const file = normalize(path === '/explorer' ? '/explorer.html' : path);
      response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
      response.end(await readFile(join(WEB, file)));
    } catch (error) {
      response.statusCode = /** @type {any} */ (error).status ?? 404;
      answer(response, { error: String(/** @type {Error} */ (error).message) });
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}/explorer`, asked, close: () => server.close() };
}

/** @param {import('node:http').ServerResponse} response @param {any} value */
function answer(response, value) {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(value));
}
