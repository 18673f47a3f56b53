// Preloaded by the npm scripts. Plain CommonJS that the oldest Node can read: a Node without type
// stripping would otherwise answer "Unknown file extension .ts" with a stack trace.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `Batchops needs Node 24.15 or newer; this is ${process.versions.node}. ` +
      'On Linux `npm ci` brings one along: start it with `npm start` or `npm run demo`.\n',
  );
  process.exit(78);
}
// What Node compiled is kept beside the packages: half of a start's work, and what strips the types is not loaded. Where
// nothing can be written there, Node goes on without. Not in /tmp, where others could put something in its place.
require('node:module').enableCompileCache(`${__dirname}/../node_modules/.cache/batchops`);
