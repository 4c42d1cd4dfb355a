// What the program sends of a file: the file without its comments and its indentation, and style without the spaces around its marks and its lines.

/** @param {string} path @param {string} source */
export function served(path, source) {
  if (!/\.(js|css)$/.test(path)) return source;
  const bare = path.endsWith('.js') ? source.replace(/\/\*\*.*?\*\/ ?/gs, '').replace(/^\s*\/\/.*\n/gm, '') : source.replace(/\/\*.*?\*\//gs, '');
  const text = bare.replace(/^\s+/gm, '');
  return path.endsWith('.css') ? text.replaceAll('\n', '').replace(/ \{/g, '{').replace(/([{:;,]) /g, '$1').replaceAll(';}', '}') : text;
}
