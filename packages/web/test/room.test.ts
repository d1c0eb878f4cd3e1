import type { Member, PlaybackState, RoomSnapshot, Telemetry } from '@parlor/sdk';
import { describe, expect, it } from 'vitest';
import { endingOf } from '../src/room/endings';
import { narrate } from '../src/room/narration';
import { groupMessages } from '../src/room/panel/grouping';
import { mayControl, powersOver } from '../src/room/permissions';
import { ridersOf } from '../src/room/stage/riders';
import { syncMeter } from '../src/room/syncWords';

function member(userId: string, extra: Partial<Member> = {}): Member {
  return {
    userId,
    displayName: userId.toUpperCase(),
    role: 'guest',
    status: 'online',
    readiness: 'ready',
    catchingUp: false,
    joinedAt: '2026-05-03T12:00:00.000Z',
    ...extra,
  };
}

const playback: PlaybackState = {
  mediaUrl: 'https://a.b/film.mp4',
  mediaType: null,
  isPlaying: true,
  currentTime: 10_000,
  playbackSpeed: 1,
  lastUpdatedBy: 'ada',
  lastUpdated: '2026-05-03T12:00:00.000Z',
  at: 1_000,
  clockId: 'c',
  rev: 1,
  holding: null,
};

const room: RoomSnapshot = {
  ready: true,
  roomId: 'r',
  settings: {
    name: 'Film night',
    isPublic: false,
    maxParticipants: null,
    control: 'everyone',
    wait: 'all',
    entry: 'open',
    hasPassword: false,
    joinCode: 'ABC234',
  },
  hostId: 'me',
  ownerId: null,
  createdAt: '2026-05-03T12:00:00.000Z',
  members: [member('me', { role: 'host' }), member('ada')],
  memberCount: 2,
  playback,
  queue: [],
  chat: [],
  sync: new Map(),
  callers: [],
  closed: null,
  selfDestruct: null,
};

function telemetry(errorNowMs: number, extra: Partial<Telemetry> = {}): Telemetry {
  return {
    errorP50Ms: Math.abs(errorNowMs),
    errorP95Ms: Math.abs(errorNowMs),
    errorMaxMs: Math.abs(errorNowMs),
    errorNowMs,
    seeks: 0,
    rateChanges: 0,
    stalls: 0,
    clockBoundMs: 1,
    class: 'exact',
    ...extra,
  };
}

describe('what happened is told', () => {
  const told = (change: Partial<PlaybackState>) =>
    narrate(room, { ...room, playback: { ...playback, rev: 2, ...change } }, 'me').map(
      (one) => one.text,
    );

  it('by name, when somebody pauses, jumps, or changes the speed', () => {
    expect(told({ isPlaying: false, currentTime: 12_000, at: 3_000 })).toEqual(['ADA paused']);
    expect(told({ currentTime: 90_000, at: 3_000 })).toEqual(['ADA jumped to 1:30']);
    expect(told({ playbackSpeed: 1.5 })).toEqual(['ADA set the speed to 1.5×']);
    expect(told({ mediaUrl: 'https://a.b/other_one.mp4', currentTime: 0 })).toEqual([
      'ADA put on Other one',
    ]);
  });

  it('not, when I did it myself or nothing changed', () => {
    expect(told({ isPlaying: false, lastUpdatedBy: 'me' })).toEqual([]);
    expect(told({ currentTime: 12_000, at: 3_000 })).toEqual([]);
  });

  it('without a name, when the room goes on to the next film', () => {
    expect(told({ mediaUrl: 'https://a.b/x.mp4', title: 'X', lastUpdatedBy: null })).toEqual([
      'Now: X',
    ]);
  });

  it('when people come, go, and take over the remote', () => {
    const later = { ...room, members: [member('bob')], hostId: 'bob' };
    expect(narrate(room, later, 'me').map((one) => one.text)).toEqual([
      'BOB came in',
      'ADA left',
      'BOB holds the remote now',
    ]);
  });

  it('not of each, when a crowd comes at once', () => {
    const crowd = ['a', 'b', 'c', 'd'].map((id) => member(id));
    expect(narrate(room, { ...room, members: [...room.members, ...crowd] }, 'me')).toEqual([]);
  });

  it('not on entering, when everything is new', () => {
    expect(narrate({ ...room, ready: false, members: [] }, room, 'me')).toEqual([]);
  });
});

describe('a sync meter', () => {
  it.each([
    [member('a'), telemetry(6.2), 'together', 'within 7 ms'],
    [member('a'), telemetry(300), 'moving', 'catching up, 300 ms behind'],
    [member('a'), telemetry(-2_400), 'moving', 'slowing down, 2.4 s ahead'],
    [member('a', { readiness: 'stalled' }), telemetry(0), 'waiting', 'loading'],
    [member('a', { status: 'reconnecting' }), telemetry(0), 'apart', 'reconnecting'],
    [member('a'), telemetry(0, { class: 'detached' }), 'apart', 'watching an advert'],
    [member('a', { readiness: null }), undefined, 'apart', 'here'],
  ] as const)('of %o says', (one, sync, shape, words) =>
    expect(syncMeter(one, sync)).toEqual({ shape, words }),
  );
});

describe('what a role may', () => {
  it('follows the setting of the room', () => {
    expect(mayControl('guest', 'everyone')).toBe(true);
    expect(mayControl('member', 'moderators')).toBe(false);
    expect(mayControl('moderator', 'moderators')).toBe(true);
    expect(mayControl('moderator', 'host-only')).toBe(false);
  });

  it('never reaches oneself or somebody above', () => {
    const none = { makeHost: false, makeModerator: false, makeMember: false, remove: false };
    const host = member('h', { role: 'host' });
    const moderator = member('m', { role: 'moderator' });
    expect(powersOver(host, host)).toEqual(none);
    expect(powersOver(moderator, host)).toEqual(none);
    expect(powersOver(undefined, host)).toEqual(none);
    expect(powersOver(moderator, member('g'))).toEqual({ ...none, remove: true });
    expect(powersOver(host, moderator)).toEqual({
      makeHost: true,
      makeModerator: false,
      makeMember: true,
      remove: true,
    });
  });
});

it('lets those ride the seek bar who are more than a second away', () => {
  const members = [member('me'), member('near'), member('far'), member('ahead')];
  const sync = new Map([
    ['me', telemetry(9_000)],
    ['near', telemetry(800)],
    ['far', telemetry(4_000)],
    ['ahead', telemetry(-2_000)],
  ]);
  expect(ridersOf(members, sync, 60_000, 'me')).toEqual([
    { userId: 'far', name: 'FAR', positionMs: 56_000 },
    { userId: 'ahead', name: 'AHEAD', positionMs: 62_000 },
  ]);
});

it('groups what one person says in one go', () => {
  const message = (id: string, userId: string, sentAt: string) => ({
    id,
    userId,
    displayName: userId,
    text: id,
    sentAt,
  });
  const groups = groupMessages(
    [
      message('1', 'ada', '2026-05-03T12:00:00.000Z'),
      message('2', 'ada', '2026-05-03T12:01:00.000Z'),
      message('3', 'bob', '2026-05-03T12:02:00.000Z'),
      message('4', 'bob', '2026-05-03T12:09:00.000Z'),
    ],
    Date.parse('2026-05-03T12:10:00.000Z'),
  );
  expect(groups.map((group) => group.messages.map(({ id }) => id))).toEqual([
    ['1', '2'],
    ['3'],
    ['4'],
  ]);
});

it('offers to come back only where that may work', () => {
  expect(endingOf('removed', null).again).toBe(false);
  expect(endingOf('room_full', null).again).toBe(true);
  expect(endingOf('room_gone', 'deleted').title).toBe('This room has ended');
});
