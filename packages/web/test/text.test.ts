import { describe, expect, it } from 'vitest';
import { parseComfort } from '../src/comfort';
import { readCode } from '../src/front/code';
import { parseRecent } from '../src/front/recent';
import { readSeats } from '../src/room/dialogs/seats';
import { parsePreferences } from '../src/room/preferences';
import { linkify } from '../src/text/links';
import { kindOf, readAddress, titleOf } from '../src/text/media';
import { colourOf, initialsOf, listNames } from '../src/text/people';
import { formatAgo, formatDay, formatPosition } from '../src/text/time';

describe('what somebody likes', () => {
  const usual = { motion: 'device', contrast: 'device', textPercent: 100, language: '' };

  it('is read as it was kept', () => {
    const kept = { motion: 'less', contrast: 'more', textPercent: 150, language: 'pt-BR' };
    expect(parseComfort(JSON.stringify(kept))).toEqual(kept);
  });

  it.each([
    [null],
    ['null'],
    ['not JSON'],
    ['{"motion":"wild","contrast":1,"textPercent":900,"language":"not a tag"}'],
  ])('is as usual if a device kept %s', (text) => {
    expect(parseComfort(text)).toEqual(usual);
  });
});

describe('a position', () => {
  it.each([
    [0, '0:00'],
    [59_999, '0:59'],
    [61_000, '1:01'],
    [3_845_000, '1:04:05'],
    [-5, '0:00'],
    [Number.NaN, '0:00'],
    [Infinity, '0:00'],
  ])('of %d ms reads %s', (ms, text) => expect(formatPosition(ms)).toBe(text));
});

describe('a moment in the past', () => {
  const now = Date.UTC(2026, 4, 3, 12);
  it.each([
    [10_000, 'just now'],
    [120_000, '2 minutes ago'],
    [3_600_000, '1 hour ago'],
    [86_400_000, 'yesterday'],
  ])('%d ms ago reads %s', (ago, text) => expect(formatAgo(now - ago, now)).toBe(text));

  it('is named by its day', () => {
    expect(formatDay(new Date(now).toISOString(), now)).toBe('Today');
    expect(formatDay(new Date(now - 86_400_000).toISOString(), now)).toBe('Yesterday');
  });
});

describe('a text with addresses', () => {
  it('keeps the stop that ends the sentence out of the link', () => {
    expect(linkify('see https://example.org/a?b=1. Now')).toEqual([
      { text: 'see ' },
      { text: 'https://example.org/a?b=1', href: 'https://example.org/a?b=1' },
      { text: '. Now' },
    ]);
  });

  it('never makes a link of anything but http', () => {
    const text = 'javascript:alert(1) data:text/html,x <a href="https://x.y">';
    const links = linkify(text).filter((piece) => piece.href !== undefined);
    expect(links).toEqual([{ text: 'https://x.y', href: 'https://x.y/' }]);
    expect(
      linkify(text)
        .map((piece) => piece.text)
        .join(''),
    ).toBe(text);
  });
});

describe('a typed address', () => {
  it.each([
    ['https://example.org/film.mp4', 'https://example.org/film.mp4'],
    ['  youtu.be/dQw4w9WgXcQ ', 'https://youtu.be/dQw4w9WgXcQ'],
    ['localhost:8000/film.mp4', 'http://localhost:8000/film.mp4'],
    ['192.168.1.9/film.mp4', 'http://192.168.1.9/film.mp4'],
    ['http://nas/film.mp4', 'http://nas/film.mp4'],
    ['/sample/parlor-sample.mp4', '/sample/parlor-sample.mp4'],
    ['javascript:alert(1)', undefined],
    ['file:///etc/passwd', undefined],
    ['//example.org/film.mp4', 'https://example.org/film.mp4'],
    ['hello there', undefined],
    ['hello', undefined],
    ['', undefined],
  ])('%j becomes %j', (typed, address) => expect(readAddress(typed)).toBe(address));
});

describe('a medium', () => {
  it.each([
    ['https://a.b/film.mp4', null, 'video'],
    ['https://a.b/film.m3u8?token=1', null, 'hls'],
    ['https://a.b/stream', 'application/vnd.apple.mpegurl', 'hls'],
    ['https://a.b/song.mp3', null, 'audio'],
    ['https://a.b/x', 'audio/mpeg', 'audio'],
    ['https://www.youtube.com/watch?v=abcdefghijk', null, 'youtube'],
    ['https://music.youtube.com/watch?v=abcdefghijk', null, 'youtube'],
    ['https://notyoutube.com/watch?v=abcdefghijk', null, 'video'],
  ] as const)('at %s (%s) is %s', (url, type, kind) => expect(kindOf(url, type)).toBe(kind));

  it('is named by its file', () => {
    expect(titleOf('https://a.b/films/the_general_1926.mp4')).toBe('The general 1926');
    expect(titleOf('/sample/parlor-sample.mp4')).toBe('Parlor sample');
    expect(titleOf('https://a.b/%E0%A4%A')).toBe('%E0%A4%A');
    expect(titleOf('https://a.b/')).toBe('a.b');
  });
});

describe('a person', () => {
  it('has the initials of the first and last name', () => {
    expect(initialsOf('Ada Lovelace')).toBe('AL');
    expect(initialsOf('bob')).toBe('B');
    expect(initialsOf('Anna Maria von Berg')).toBe('AB');
    expect(initialsOf('  ')).toBe('?');
    expect(initialsOf('😀 fun')).toBe('😀F');
  });

  it('keeps one colour', () => {
    expect(colourOf('u1')).toBe(colourOf('u1'));
    const colours = new Set(Array.from({ length: 200 }, (_, n) => colourOf(`user-${n}`)));
    expect(colours.size).toBe(12);
  });

  it('is listed with others as one would say it', () => {
    expect(listNames(['Ada'])).toBe('Ada');
    expect(listNames(['Ada', 'Bob'])).toBe('Ada and Bob');
    expect(listNames(['Ada', 'Bob', 'Cy', 'Di', 'Ed'])).toBe('Ada, Bob and 3 others');
  });
});

describe('what is stored on the device', () => {
  it('is ignored where it makes no sense', () => {
    expect(parseRecent('{"a":1}')).toEqual([]);
    expect(parseRecent('nonsense')).toEqual([]);
    expect(parseRecent('[{"roomId":"r","name":"n","atMs":1},{"roomId":2}]')).toEqual([
      { roomId: 'r', name: 'n', atMs: 1 },
    ]);
    expect(parsePreferences('{"volume":7,"panelPx":"wide","offsetMs":-9000,"muted":1}')).toEqual({
      volume: 1,
      muted: false,
      offsetMs: -500,
      panelPx: 344,
      panelOpen: true,
    });
    expect(parsePreferences('null')).toEqual(parsePreferences(null));
  });
});

it('reads a code out of what was pasted', () => {
  expect(readCode(' abc-234 ')).toBe('ABC234');
  expect(readCode('ABC 2345')).toBe('ABC234');
});

it('reads a number of seats, or none for no limit', () => {
  expect([readSeats(''), readSeats('4'), readSeats('1'), readSeats('x'), readSeats('2.5')]).toEqual(
    [null, 4, undefined, undefined, undefined],
  );
});
