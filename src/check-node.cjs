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
