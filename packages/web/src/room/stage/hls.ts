import type Hls from 'hls.js';

/** Lets go of a source. */
export type Release = () => void;

const NATIVE = 'application/vnd.apple.mpegurl';

/**
 * Plays an HLS playlist in an element. hls.js is fetched when it is first needed and preferred
 * where it works; Safari on phones plays playlists by itself. `onFailed` is told once, for good.
 * Leaves the element alone if it is no longer wanted once hls.js is there.
 */
export async function attachHls(
  element: HTMLMediaElement,
  url: string,
  onFailed: (network: boolean) => void,
  unwanted: AbortSignal,
): Promise<Release> {
  const { default: HlsPlayer } = await import('hls.js/light');
  if (unwanted.aborted) return () => {};
  if (!HlsPlayer.isSupported()) return attachNative(element, url, onFailed);
  const hls: Hls = new HlsPlayer({ enableWorker: false });
  let healed = false;
  hls.on(HlsPlayer.Events.ERROR, (_, { fatal, type }) => {
    if (!fatal) return;
    if (type === HlsPlayer.ErrorTypes.MEDIA_ERROR && !healed) {
      healed = true;
      hls.recoverMediaError();
    } else {
      onFailed(type === HlsPlayer.ErrorTypes.NETWORK_ERROR);
    }
  });
  hls.loadSource(url);
  hls.attachMedia(element);
  return () => hls.destroy();
}

function attachNative(
  element: HTMLMediaElement,
  url: string,
  onFailed: (network: boolean) => void,
): Release {
  if (element.canPlayType(NATIVE) === '') onFailed(false);
  else element.src = url;
  return () => element.removeAttribute('src');
}
