// What the program sends of a file: the file without its comments and its indentation.

/** @param {string} path @param {string} source */
export function served(path, source) {
  if (!/\.(js|css)$/.test(path)) return source;
  const bare = path.endsWith('.js') ? source.replace(/\/\*\*.*?\*\/ ?/gs, '').replace(/^\s*\/\/.*\n/gm, '') : source.replace(/\/\*.*?\*\//gs, '');
  return bare.replace(/^\s+/gm, '');
}
