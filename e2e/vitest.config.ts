import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.spec.ts'],
    globalSetup: ['support/prerequisites.ts'],
    // Browsers need the processor to themselves: what is measured in one file would be disturbed
    // by another.
    fileParallelism: false,
    // Clients of one file that wait most of the time may do so together.
    maxConcurrency: 8,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes in a moment; on a busy machine the moment is longer.
    expect: { poll: { timeout: 20_000 } },
    reporters: process.env['CI'] ? ['verbose'] : ['default'],
  },
});
