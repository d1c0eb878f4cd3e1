/** The media of the measurement: the sample film, repeated so that minutes can be watched. */
import { execFile } from 'node:child_process';
import { access, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, extname, join, normalize } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = new URL('../../', import.meta.url).pathname;
const SAMPLE = join(ROOT, 'packages/web/public/sample');
const OUT = join(ROOT, 'e2e/out/sync-media');
/** How often the sample follows itself. */
const REPEATS = 3;

/** Where the proxy finds what belongs to the measurement itself. */
const PLACES = {
  media: OUT,
  sdk: join(ROOT, 'packages/sdk/dist'),
  hls: join(ROOT, 'node_modules/hls.js/dist'),
  'openapi-fetch': join(ROOT, 'node_modules/openapi-fetch/dist'),
  '': join(ROOT, 'e2e/sync/harness'),
};

const TYPES = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.m4a': 'audio/mp4',
  '.m4s': 'video/iso.segment',
  '.m3u8': 'application/vnd.apple.mpegurl',
};

/** What is played, by kind. Addresses are the same on every member's line. */
export const MEDIA = {
  mp4: { mediaUrl: '/sync-harness/media/long.mp4', mediaType: 'video/mp4' },
  // Eight video decoders and eight pictures need more than two cores; this needs a third of it.
  'small mp4': { mediaUrl: '/sync-harness/media/small.mp4', mediaType: 'video/mp4' },
  webm: { mediaUrl: '/sync-harness/media/long.webm', mediaType: 'video/webm' },
  audio: { mediaUrl: '/sync-harness/media/long.m4a', mediaType: 'audio/mp4' },
  hls: {
    mediaUrl: '/sync-harness/media/long.m3u8',
    mediaType: 'application/vnd.apple.mpegurl',
  },
};

/** Makes what is not there yet. */
export async function makeMedia() {
  await mkdir(OUT, { recursive: true });
  const jobs = [
    ['parlor-sample.mp4', 'long.mp4', ['-movflags', '+faststart']],
    [
      'parlor-sample.mp4',
      'small.mp4',
      ['-vf', 'scale=320:180,fps=15', '-c:v', 'libx264', '-g', '15', '-movflags', '+faststart'],
    ],
    ['parlor-sample.webm', 'long.webm', []],
    ['parlor-sample.m4a', 'long.m4a', ['-movflags', '+faststart']],
    [
      null,
      'long.m3u8',
      ['-f', 'hls', '-hls_time', '4', '-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4'],
    ],
  ];
  for (const [from, to, options] of jobs) {
    const there = await access(join(OUT, to)).then(
      () => true,
      () => false,
    );
    if (there) continue;
    // ffmpeg cannot repeat HLS: that is cut from the film that was repeated before it.
    const source = from
      ? ['-stream_loop', String(REPEATS), '-i', join(SAMPLE, from)]
      : ['-i', join(OUT, 'long.mp4')];
    const loop = [...source, '-c', 'copy'];
    await run('ffmpeg', ['-loglevel', 'error', '-y', ...loop, ...options, join(OUT, to)]);
  }
}

/** Finds a file of the measurement by the path of its address; `null` for the server's own. */
export async function files(url) {
  const match = /^\/sync-harness\/(?:(media|sdk|hls|openapi-fetch)\/)?([^?]*)/.exec(url);
  if (!match) return null;
  const path = join(PLACES[match[1] ?? ''], normalize(`/${match[2] || 'index.html'}`));
  const body = await readFile(path);
  return { type: TYPES[extname(path)] ?? 'application/octet-stream', body };
}

/** Finds a page of a built UI by the path of its address; `null` for the server's own. */
export async function page(folder, url) {
  const name = url.startsWith('/room/') ? 'index.html' : url.replace(/\?.*/, '');
  if (name.startsWith('/api/')) return null;
  const body = await readFile(join(folder, normalize(`/${name}`))).catch(() => null);
  return body && { type: TYPES[extname(name)] ?? 'application/octet-stream', body };
}

/** Length of what is played, s. */
const LENGTH_S = 75 * (REPEATS + 1);
/** What a player wants at once beside the index, s of the medium. */
const FIRST_S = 5;

/**
 * Returns how fast a kind comes over a line that just suffices, and how much of it a player needs
 * at once: the index of the whole and the first seconds.
 */
export async function lineFor(kind) {
  const names = await readdir(OUT);
  const name = MEDIA[kind].mediaUrl.split('/').at(-1);
  const parts = kind === 'hls' ? names.filter((one) => one.endsWith('.m4s')) : [name];
  const sizes = await Promise.all(parts.map(async (part) => (await stat(join(OUT, part))).size));
  const rate = sizes.reduce((sum, size) => sum + size, 0) / LENGTH_S;
  const index = kind === 'hls' ? 0 : indexBytes(await readFile(join(OUT, name)));
  // HLS comes in segments of 4 s, each of which must be whole before it plays.
  const spare = kind === 'hls' ? 4 : 1.5;
  return { bytesPerS: rate * spare, burstBytes: index + rate * FIRST_S };
}

/** Where the media data of an MP4 begin: behind the index of the whole. Little for other kinds. */
function indexBytes(file) {
  const at = file.indexOf('mdat');
  return at < 0 ? 4_096 : at;
}

/** Builds the SDK, which the remote control and the harness run. */
export async function buildSdk() {
  await run('npm', ['run', '--silent', 'build', '--workspace', 'packages/sdk'], { cwd: ROOT });
}

export const SDK = join(dirname(PLACES.sdk), 'dist/index.js');
