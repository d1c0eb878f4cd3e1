/** How a medium has to be played. */
export type MediaKind = 'video' | 'audio' | 'hls' | 'youtube';

const YOUTUBE =
  /^https?:\/\/(?:(?:www\.|m\.|music\.)?youtube(?:-nocookie)?\.com\/(?:watch\?|embed\/|shorts\/|live\/|v\/)|youtu\.be\/)/i;
const HLS = /\.m3u8(?:$|[?#])/i;
const AUDIO = /\.(?:mp3|m4a|aac|ogg|oga|opus|flac|wav)(?:$|[?#])/i;

const TYPES: Readonly<Record<MediaKind, string | undefined>> = {
  hls: 'application/vnd.apple.mpegurl',
  youtube: 'video/youtube',
  audio: 'audio',
  video: undefined,
};

/** Tells how to play a medium, from its address and from the type somebody may have named. */
export function kindOf(mediaUrl: string, mediaType?: string | null): MediaKind {
  const type = mediaType?.toLowerCase() ?? '';
  if (type.includes('youtube') || YOUTUBE.test(mediaUrl)) return 'youtube';
  if (type.includes('mpegurl') || type === 'hls' || HLS.test(mediaUrl)) return 'hls';
  if (type.startsWith('audio') || AUDIO.test(mediaUrl)) return 'audio';
  return 'video';
}

/** Names the type that goes with an address, for players that look at the type alone. */
export function typeOf(mediaUrl: string): string | undefined {
  return TYPES[kindOf(mediaUrl)];
}

/**
 * Reads what a person typed as the address of a medium: http(s), a path on this server, or an
 * address without its scheme. Returns nothing if it cannot be one.
 */
export function readAddress(typed: string): string | undefined {
  const text = typed.trim();
  if (/^\/[^/]/.test(text)) return text;
  const named = /^[a-z][a-z0-9+.-]*:/i.test(text) && !/^[\w.-]+:\d+(?:\/|$)/.test(text);
  try {
    const url = new URL(named ? text : `${schemeFor(text)}://${text}`);
    const http = url.protocol === 'https:' || url.protocol === 'http:';
    const known = named || url.hostname.includes('.') || url.hostname === 'localhost';
    return http && known && !/\s/.test(text) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Machines at home rarely have a certificate. */
function schemeFor(address: string): 'http' | 'https' {
  return /^(?:localhost|[\d.]+|[\w-]+\.local)(?:[:/]|$)/i.test(address) ? 'http' : 'https';
}

/** Makes a title out of an address: the file's name without its ending, or the host. */
export function titleOf(mediaUrl: string): string {
  const url = new URL(mediaUrl, 'http://localhost');
  if (kindOf(mediaUrl) === 'youtube')
    return `YouTube · ${url.searchParams.get('v') ?? lastPart(url)}`;
  const name = lastPart(url)
    .replace(/\.[a-z0-9]{2,5}$/i, '')
    .replace(/[-_+.]+/g, ' ')
    .trim();
  return name === '' ? url.hostname : name.charAt(0).toUpperCase() + name.slice(1);
}

function lastPart(url: URL): string {
  const part = url.pathname.split('/').filter(Boolean).at(-1) ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
