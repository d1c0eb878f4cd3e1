import { MediaElementPlayer, type Player } from '@parlor/sdk';
import { kindOf, type MediaKind } from '../../text/media';
import { attachHls } from './hls';
import { YoutubePlayer, type YoutubeElement } from './youtube';

/** Why a medium cannot be played. */
export type Trouble = 'network' | 'format' | 'youtube' | 'other';

/** A medium in its element, ready to be driven. */
export interface Medium {
  kind: MediaKind;
  element: HTMLMediaElement;
  player: Player;
  release(): void;
}

/** How long YouTube's frame may take to load, ms. */
const SILENT_MS = 15_000;

/** `MediaError` codes of the HTML standard. */
const NETWORK = 2;
const DECODE = 3;
const NOT_SUPPORTED = 4;

/** Tells from an element's error what to say about it. */
export function troubleOf(code: number | undefined): Trouble {
  if (code === NETWORK) return 'network';
  return code === DECODE || code === NOT_SUPPORTED ? 'format' : 'other';
}

/**
 * Loads a medium: into the given video element, or into a YouTube frame made for it, which `place`
 * puts beside it. `onTrouble` is told when it turns out that it cannot be played. What has become
 * `unwanted` before it was ready touches nothing any more.
 */
export async function openMedium(
  video: HTMLVideoElement,
  place: (element: HTMLElement) => void,
  url: string,
  type: string | null,
  onTrouble: (trouble: Trouble) => void,
  unwanted: AbortSignal,
): Promise<Medium> {
  const kind = kindOf(url, type);
  if (kind === 'youtube') return openYoutube(place, url, onTrouble, unwanted);
  const failed = () => {
    if (video.error) onTrouble(troubleOf(video.error.code));
  };
  video.addEventListener('error', failed);
  let release: () => void;
  if (kind === 'hls') {
    const stopped = (network: boolean) => onTrouble(network ? 'network' : 'format');
    release = await attachHls(video, url, stopped, unwanted);
  } else {
    release = attachFile(video, url);
  }
  return {
    kind,
    element: video,
    player: new MediaElementPlayer(video, { kind, music: kind === 'audio' }),
    release() {
      video.removeEventListener('error', failed);
      release();
    },
  };
}

/** Loads a file; letting go of it leaves alone what was loaded since. */
function attachFile(video: HTMLVideoElement, url: string): () => void {
  video.src = url;
  video.load();
  const own = video.src;
  return () => {
    if (video.src !== own) return;
    video.removeAttribute('src');
    video.load();
  };
}

async function openYoutube(
  place: (element: HTMLElement) => void,
  url: string,
  onTrouble: (trouble: Trouble) => void,
  unwanted: AbortSignal,
): Promise<Medium> {
  await import('youtube-video-element');
  const element = document.createElement('youtube-video') as HTMLElement & YoutubeElement;
  element.slot = 'media';
  element.setAttribute('playsinline', '');
  element.setAttribute('src', url);
  if (!unwanted.aborted) place(element);
  const player = new YoutubePlayer(element);
  const stop = player.on('failed', () => onTrouble('youtube'));
  // Where YouTube cannot be reached its element keeps silent.
  const silence = setTimeout(() => {
    if (!element.isLoaded) onTrouble('network');
  }, SILENT_MS);
  return {
    kind: 'youtube',
    element: element as unknown as HTMLMediaElement,
    player,
    release() {
      clearTimeout(silence);
      stop();
      player.release();
      element.remove();
    },
  };
}
