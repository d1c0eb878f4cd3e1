// `make dev`: the server and the UI, both reloading themselves.
//
// The page is served by Vite with hot reload and passes /api on to the server. The server is
// built and started again whenever a file under crates/ changes; one that does not build leaves
// the old one running. Ctrl-C ends both.
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** An editor writes several files at once; they are one change. */
const SETTLE_MS = 200;

let server;
let building = false;
let changed = false;

function say(text) {
  console.log(`dev: ${text}`);
}

function run(program, args, cwd = root) {
  return spawn(program, args, { cwd, stdio: 'inherit' });
}

function ended(child) {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

async function restart() {
  if (building) {
    changed = true;
    return;
  }
  building = true;
  do {
    changed = false;
    say('building the server');
    const code = await ended(run('cargo', ['build', '--quiet', '--package', 'parlor-server']));
    if (code !== 0) {
      say('that does not build; the old server goes on');
      continue;
    }
    if (server) {
      const gone = ended(server);
      server.kill('SIGTERM');
      await gone;
    }
    server = run(`${process.env.CARGO_TARGET_DIR ?? 'target'}/debug/parlor`, ['serve']);
    server.once('exit', function () {
      if (server === this) server = undefined;
    });
  } while (changed);
  building = false;
}

let settling;
watch(`${root}/crates`, { recursive: true }, (_event, file) => {
  if (!/\.(rs|toml|sql)$/.test(file ?? '')) return;
  clearTimeout(settling);
  settling = setTimeout(() => void restart(), SETTLE_MS);
});

// Not through npm, which would leave Vite behind when it is ended.
const web = join(root, 'packages/web');
const vite = dirname(createRequire(join(web, 'package.json')).resolve('vite/package.json'));
const ui = run(process.execPath, [join(vite, 'bin/vite.js')], web);
ui.once('exit', (code) => {
  server?.kill('SIGTERM');
  process.exit(code ?? 0);
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server?.kill('SIGTERM');
    ui.kill('SIGTERM');
  });
}
await restart();
