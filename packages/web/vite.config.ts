import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { apidocs } from './apidocs.ts';
import { precompress } from './precompress.ts';

/** Where the Parlor server listens while the page is served by Vite (`npm run dev`). */
const SERVER = process.env['PARLOR_SERVER'] ?? 'http://localhost:3000';

/** The server answers only for its own host, so the proxy speaks as if it were a page of it. */
const proxied = { target: SERVER, changeOrigin: true, ws: true, headers: { origin: SERVER } };

export default defineConfig({
  plugins: [svelte(), apidocs(), precompress()],
  resolve: {
    alias: { '@parlor/sdk': fileURLToPath(new URL('../sdk/src/index.ts', import.meta.url)) },
    ...(process.env['VITEST'] ? { conditions: ['browser'] } : {}),
  },
  server: { port: 5173, proxy: { '/api': proxied } },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    modulePreload: { polyfill: false },
  },
  test: { include: ['test/**/*.test.ts'], environment: 'node' },
});
