import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const PACKAGE = dirname(dirname(fileURLToPath(import.meta.url)));
const DOCUMENT = join(PACKAGE, '../../docs/api/openapi.json');

test("the types are those of the server's document", () => {
  const folder = mkdtempSync(join(tmpdir(), 'schema-'));
  const made = join(folder, 'schema.gen.ts');
  // As `cargo xtask codegen` does it.
  const options = [
    '--root-types',
    '--root-types-no-schema-prefix',
    '--default-non-nullable',
    'false',
  ];
  const args = ['exec', '--no', '--', 'openapi-typescript', DOCUMENT, '--output', made, ...options];
  execFileSync('npm', args, { cwd: PACKAGE, stdio: 'ignore' });
  const there = readFileSync(join(PACKAGE, 'src/schema.gen.ts'), 'utf8');
  expect(there === readFileSync(made, 'utf8'), 'run `make codegen`').toBe(true);
  rmSync(folder, { recursive: true });
}, 60_000);
