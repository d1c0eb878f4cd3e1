/** The smallest page that watches: the SDK, one element, no interface. */
import { MediaElementPlayer, ParlorClient, SyncController } from '@parlor/sdk';

const roomId = new URLSearchParams(location.search).get('room');
const client = new ParlorClient();
await client.guest('Member');
const room = client.room(roomId);
const { socket, view, clock } = room;
const sync = new SyncController({ socket, view, clock });
let url = null;
let hls = null;

async function show({ mediaUrl, mediaType }) {
  hls?.destroy();
  document.querySelector('video, audio')?.remove();
  const isAudio = /^audio\//.test(mediaType ?? '');
  const element = document.createElement(isAudio ? 'audio' : 'video');
  element.preload = 'auto';
  document.body.append(element);
  if (/mpegurl/.test(mediaType ?? '')) {
    const { default: Hls } = await import('hls.js');
    hls = new Hls();
    hls.loadSource(mediaUrl);
    hls.attachMedia(element);
  } else element.src = mediaUrl;
  sync.attach(new MediaElementPlayer(element, { kind: mediaType ?? 'video' }), mediaUrl);
}

view.subscribe(({ playback }) => {
  if (!playback?.mediaUrl || playback.mediaUrl === url) return;
  url = playback.mediaUrl;
  void show(playback);
});
globalThis.parlor = { room, sync };
room.enter();
