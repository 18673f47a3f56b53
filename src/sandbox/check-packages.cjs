// Preloaded by `npm run demo`: where only what the bot itself needs is installed, a sentence and not a stack.
const missing = ['preact', 'htm', 'yaml'].filter((name) => {
  try {
    require.resolve(name);
    return false;
  } catch {
    return true;
  }
});
if (missing.length > 0) {
  process.stderr.write(
    `npm run demo: ${missing.join(', ')} not installed, as with \`npm ci --omit=dev\`; run \`npm ci\` for all of it. ` +
      'The bot itself does not need them.\n',
  );
  process.exit(78);
}
