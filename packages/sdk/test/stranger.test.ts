import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const PACKAGE = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(PACKAGE, '../../node_modules');
const TSC = join(MODULES, 'typescript/bin/tsc');

let home: string;

/** Runs a program, and tells what it said when it fails. */
function run(program: string, args: string[], cwd: string): string {
  try {
    return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

/** The examples of the README, in order. */
function examples(): string[] {
  const readme = readFileSync(join(PACKAGE, 'README.md'), 'utf8');
  return [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
}

// A project that has nothing of ours but the package as it would be published.
beforeAll(() => {
  run(process.execPath, [TSC, '-p', 'tsconfig.build.json'], PACKAGE);
  home = mkdtempSync(join(tmpdir(), 'stranger-'));
  const packed = run('npm', ['pack', '--ignore-scripts', '--pack-destination', home], PACKAGE);
  const installed = join(home, 'node_modules/@parlor/sdk');
  mkdirSync(installed, { recursive: true });
  const tarball = packed.trim().split('\n').at(-1) ?? '';
  run('tar', ['-xzf', join(home, tarball), '--strip-components', '1', '-C', installed], home);
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    symlinkSync(join(MODULES, name), join(home, 'node_modules', name));
  }
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'stranger', type: 'module' }));
  const compilerOptions = {
    target: 'ES2022',
    module: 'NodeNext',
    lib: ['ES2023', 'DOM', 'DOM.Iterable'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
  };
  writeFileSync(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
}, 60_000);

afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

describe("a stranger's project", () => {
  test('compiles the examples of the README, strictly and with the types checked', () => {
    const [whole = '', stream = ''] = examples();
    writeFileSync(join(home, 'example.ts'), whole);
    writeFileSync(join(home, 'stream.ts'), stream);
    writeFileSync(
      join(home, 'narrowing.ts'),
      [
        "import type { Player, RoomSnapshot, ServerFrame } from '@parlor/sdk';",
        'export function text(frame: ServerFrame): string {',
        "  if (frame.type === 'CHAT_MESSAGE') return frame.payload.text;",
        "  return frame.type === 'ERROR' ? frame.payload : '';",
        '}',
        'export function late(room: RoomSnapshot): number {',
        '  return room.members.filter((member) => member.catchingUp).length;',
        '}',
        'export const isExact = (player: Player): boolean => player.fineRate;',
      ].join('\n'),
    );
    expect(run(process.execPath, [TSC, '-p', '.'], home)).toBe('');
  }, 60_000);

  test('is told by the compiler when it is wrong', () => {
    writeFileSync(
      join(home, 'wrong.ts'),
      "import { ParlorClient } from '@parlor/sdk';\nawait new ParlorClient().room('r').seek('1');\n",
    );
    expect(() => run(process.execPath, [TSC, '-p', '.'], home)).toThrow(/wrong\.ts.*TS2345/);
    rmSync(join(home, 'wrong.ts'));
  }, 60_000);

  test('runs in Node', () => {
    const program = "import * as sdk from '@parlor/sdk'; console.log(Object.keys(sdk).join())";
    const args = ['--input-type=module', '--eval', program];
    expect(run(process.execPath, args, home)).toContain('SyncController');
  });
});
