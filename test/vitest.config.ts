import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    // All that the bot sends to a local Slack, in whatever test, is judged at the end.
    globalSetup: ['test/conformance/traffic/run.ts'],
    setupFiles: ['test/conformance/traffic/setup.ts', 'test/rigs/text-mode.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real servers and a browser on two cores: more workers only make them wait for each other.
    maxWorkers: 2,
  },
});
