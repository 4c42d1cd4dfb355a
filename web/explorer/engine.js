// Where traces come from: the program that serves the page, or the page itself when it is an export.
//
// It knows how to ask, not what a run is.

/** @import {Run, Trace, Story} from '../types.js' */

/**
 * @typedef {object} Engine
 * @property {boolean} live a person can act
 * @property {() => Promise<Story[]>} stories
 * @property {(run: Run, from: number, until: number) => Promise<Trace>} trace
 * @property {(request: any) => Promise<Blob>} file an export, made by the server
 */

/** @returns {Engine} */
export function httpEngine() {
  /** @param {string} path @param {any} [body] */
  const ask = async (path, body) => {
    let response;
    try {
      response = await fetch(path, body === undefined ? {} : {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
      });
    } catch {
      throw new Error('The explorer\'s program does not answer. Is `quorate explore` still running?');
    }
    if (response.ok) return response;
    const said = await response.json().catch(() => ({}));
    throw new Error(said.error ?? `The explorer's program answered ${response.status} ${response.statusText}.`);
  };
  return {
    live: true,
    stories: async () => (await ask('/api/explorer/scenarios')).json(),
    trace: async (run, from, until) => (await ask('/api/explorer/trace', { run, from, until })).json(),
    file: async (request) => (await ask('/api/explorer/export', request)).blob(),
  };
}

/** @param {{story: Story, traces: Trace[]}} embedded @returns {Engine} */
export function embeddedEngine(embedded) {
  return {
    live: false,
    stories: async () => [embedded.story],
    trace: async (_run, from) => {
      const trace = embedded.traces.find((one) => one.from === from) ?? embedded.traces.at(-1);
      if (!trace) throw new Error('This file holds no trace.');
      return embedded.traces.at(-1) === trace ? { ...trace, end: Math.min(trace.end, trace.until) } : trace;
    },
    file: async () => {
      throw new Error('This page is an export already: the program that made it can make others.');
    },
  };
}
