import { positionAt, type Member, type PlaybackState, type RoomSnapshot } from '@parlor/sdk';
import { strings } from '../strings';
import { titleOf } from '../text/media';
import { formatPosition } from '../text/time';

/** Something that happened in the room, as a sentence. */
export interface Happening {
  text: string;
  about: 'people' | 'host' | 'playback';
  /** Whom it is about, if it is one person. */
  person?: { userId: string; name: string };
}

/** A position that differs by less than this, ms, was not jumped to. */
const JUMP_MS = 1_500;

/** More arrivals and departures than this at once are a crowd: nobody is told of each. */
const CROWD = 3;

const say = strings.events;

/** Tells in sentences what changed between two states of a room, leaving out what I did myself. */
export function narrate(before: RoomSnapshot, after: RoomSnapshot, me: string): Happening[] {
  if (!before.ready) return [];
  return [...playbackChange(before, after, me), ...peopleChange(before, after, me)];
}

function nameIn(room: RoomSnapshot, userId: string): string | undefined {
  return room.members.find((member) => member.userId === userId)?.displayName;
}

function playbackChange(before: RoomSnapshot, after: RoomSnapshot, me: string): Happening[] {
  const [old, now] = [before.playback, after.playback];
  if (!now || now.rev === old?.rev || now.lastUpdatedBy === me) return [];
  const userId = now.lastUpdatedBy;
  if (userId === null) return roomsOwnChange(old, now);
  const name = nameIn(after, userId) ?? nameIn(before, userId);
  const text = name === undefined ? undefined : playbackWords(old, now, name);
  return text === undefined || name === undefined
    ? []
    : [{ text, about: 'playback', person: { userId, name } }];
}

/** The room itself only ever goes on to the next thing in the queue. */
function roomsOwnChange(old: PlaybackState | null, now: PlaybackState): Happening[] {
  const changed = now.mediaUrl !== null && now.mediaUrl !== old?.mediaUrl;
  return changed ? [{ text: say.nextUp(mediaTitle(now)), about: 'playback' }] : [];
}

function playbackWords(
  old: PlaybackState | null,
  now: PlaybackState,
  name: string,
): string | undefined {
  const loaded = now.mediaUrl !== old?.mediaUrl || now.itemId !== old?.itemId;
  if (loaded) return now.mediaUrl === null ? undefined : say.loaded(name, mediaTitle(now));
  if (!old) return undefined;
  if (now.isPlaying !== old.isPlaying) return now.isPlaying ? say.played(name) : say.paused(name);
  if (now.playbackSpeed !== old.playbackSpeed) return say.speed(name, String(now.playbackSpeed));
  if (now.clockId !== old.clockId) return undefined;
  const jumped = Math.abs(now.currentTime - positionAt(old, now.at)) > JUMP_MS;
  return jumped ? say.jumped(name, formatPosition(now.currentTime)) : undefined;
}

/** The title of what plays: its own, or one made from its address. */
export function mediaTitle(playback: PlaybackState): string {
  return playback.title ?? titleOf(playback.mediaUrl ?? '');
}

function peopleChange(before: RoomSnapshot, after: RoomSnapshot, me: string): Happening[] {
  if (before.members === after.members && before.hostId === after.hostId) return [];
  const was = new Set(before.members.map((member) => member.userId));
  const is = new Set(after.members.map((member) => member.userId));
  const came = after.members.filter(({ userId }) => !was.has(userId) && userId !== me);
  const went = before.members.filter(({ userId }) => !is.has(userId) && userId !== me);
  if (came.length + went.length > CROWD) return [];
  return [
    ...came.map((member) => told(member, say.joined(member.displayName))),
    ...went.map((member) => told(member, say.left(member.displayName))),
    ...hostChange(before, after, me),
  ];
}

function told({ userId, displayName }: Member, text: string): Happening {
  return { text, about: 'people', person: { userId, name: displayName } };
}

function hostChange(before: RoomSnapshot, after: RoomSnapshot, me: string): Happening[] {
  const userId = after.hostId;
  if (userId === null || before.hostId === null || userId === before.hostId) return [];
  const host = after.members.find((member) => member.userId === userId);
  if (!host) return [];
  const text = userId === me ? say.hostYou : say.host(host.displayName);
  return [{ ...told(host, text), about: 'host' }];
}
