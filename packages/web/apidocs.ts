import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';

/** Where the reader of the API documents stands in its package. */
const SCRIPT = 'browser/standalone.js';

/** Puts the reader of the API documents beside the UI, so that `/scalar` works without internet. */
export function apidocs(): Plugin {
  return {
    name: 'parlor-apidocs',
    apply: 'build',
    async generateBundle() {
      const entry = createRequire(import.meta.url).resolve('@scalar/api-reference');
      const source = await readFile(join(dirname(entry), SCRIPT));
      this.emitFile({ type: 'asset', fileName: 'scalar/standalone.js', source });
    },
  };
}
