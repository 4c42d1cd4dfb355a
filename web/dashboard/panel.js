// A panel: its title, what it shows, and at its foot where the numbers come from and how to take them along.
//
// It knows nothing of what is shown.

/** @import {VNode} from '../common/dom.js' */
import { h } from '../common/dom.js';

/**
 * @param {{id: string, title: string, of?: string | null | false, endpoint: string, data: () => unknown, copy: Copy}} panel
 * @param {...any} kids
 * @returns {VNode}
 * @typedef {{take: (id: string, data: unknown) => void, id: string, said: string}} Copy whose data was copied last, and how that went
 */
export function panel({ id, title, of, endpoint, data, copy }, ...kids) {
  return h('section', { key: id, id, class: 'card', 'aria-label': title }, h('h2', null, title, of && h('span', { class: 'of' }, ` ${of}`)), kids,
    h('p', { key: 'source', class: 'source' }, h('a', { href: endpoint }, endpoint),
      h('button', { class: 'link', onclick: () => copy.take(id, data()), 'aria-label': `Copy as JSON: ${title}` }, 'copy as JSON'),
      h('span', { role: 'status' }, copy.id === id ? copy.said : '')));
}
