import { access } from 'node:fs/promises';
import { binary } from './server.mjs';
import { chromiumPath } from './browser.ts';

/** Says in one sentence what is missing, before fifty tests say it in their own way. */
export default async function prerequisites(): Promise<void> {
  const missing: string[] = [];
  for (const [path, remedy] of [
    [binary(), 'cargo build --package parlor-server'],
    [new URL('../../packages/web/dist/index.html', import.meta.url).pathname, 'scripts/ui.sh'],
    [chromiumPath(), 'scripts/setup.sh test'],
  ] as const) {
    await access(path).catch(() => missing.push(`${path} is not there: ${remedy}`));
  }
  if (missing.length > 0) throw new Error(missing.join('\n'));
}
