import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

/** Below this size, in bytes, the headers weigh more than what compression saves. */
const SMALLEST_BYTES = 1_024;

/** Kinds of file that shrink; pictures, fonts and films are compressed already. */
const SHRINKS = /\.(?:js|css|html|svg|json|webmanifest|txt)$/;

async function compress(path: string): Promise<void> {
  if ((await stat(path)).size < SMALLEST_BYTES) return;
  const bytes = await readFile(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
  await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes, { params }));
}

/** Writes a `.gz` and a `.br` beside each text file of the build, for the server to send as is. */
export function precompress(): Plugin {
  let folder = 'dist';
  return {
    name: 'parlor-precompress',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir;
    },
    async closeBundle() {
      const files = await readdir(folder, { recursive: true });
      await Promise.all(
        files.filter((name) => SHRINKS.test(name)).map((name) => compress(join(folder, name))),
      );
    },
  };
}
