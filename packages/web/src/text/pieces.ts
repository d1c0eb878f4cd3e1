import { linkify } from './links';

/** Somebody a message speaks to, by the name it has in the text. */
export interface Addressee {
  userId: string;
  name: string;
}

/** A stretch of a message: plain text, an address, a moment of the film, or a name. */
export type MessagePiece =
  | { kind: 'text'; text: string }
  | { kind: 'link'; text: string; href: string }
  | { kind: 'moment'; text: string; positionMs: number }
  | { kind: 'mention'; text: string; userId: string };

/** `21:04` or `1:02:03`, not within a longer run of digits, colons or letters. */
const MOMENT =
  /(?<![\p{L}\p{N}:.,])(?:(\d{1,2}):([0-5]\d)|(\d{1,3})):([0-5]\d)(?![\p{L}\p{N}:])(?![.,]\d)/gu;

/** What may follow a name that was spoken to: anything but more of a word. */
const WORD = /[\p{L}\p{N}_]/u;

/**
 * Splits a message's text. A moment is one only within the film, whose length in ms is `null` while
 * none is on.
 */
export function piecesOf(
  text: string,
  filmMs: number | null,
  spokenTo: readonly Addressee[] = [],
): MessagePiece[] {
  return linkify(text).flatMap((piece) =>
    piece.href === undefined
      ? plainPieces(piece.text, filmMs, spokenTo)
      : [{ kind: 'link' as const, text: piece.text, href: piece.href }],
  );
}

interface Found {
  at: number;
  piece: MessagePiece;
}

function plainPieces(
  text: string,
  filmMs: number | null,
  spokenTo: readonly Addressee[],
): MessagePiece[] {
  const found = [...momentsIn(text, filmMs), ...namesIn(text, spokenTo)];
  found.sort((a, b) => a.at - b.at);
  const pieces: MessagePiece[] = [];
  let end = 0;
  for (const { at, piece } of found) {
    if (at < end) continue;
    if (at > end) pieces.push({ kind: 'text', text: text.slice(end, at) });
    pieces.push(piece);
    end = at + piece.text.length;
  }
  if (end < text.length) pieces.push({ kind: 'text', text: text.slice(end) });
  return pieces;
}

function momentsIn(text: string, filmMs: number | null): Found[] {
  if (filmMs === null) return [];
  return [...text.matchAll(MOMENT)].flatMap((match) => {
    const [whole, hours, minutesOfHour, minutes, seconds] = match;
    const allMinutes = Number(hours ?? 0) * 60 + Number(minutesOfHour ?? minutes ?? 0);
    const positionMs = (allMinutes * 60 + Number(seconds)) * 1_000;
    if (positionMs > filmMs) return [];
    return [{ at: match.index, piece: { kind: 'moment', text: whole, positionMs } }];
  });
}

function namesIn(text: string, spokenTo: readonly Addressee[]): Found[] {
  // Of two names of which one begins with the other, the longer one is meant.
  const longestFirst = [...spokenTo].sort((a, b) => b.name.length - a.name.length);
  const found: Found[] = [];
  for (const { userId, name } of longestFirst) {
    for (const at of placesOf(text, name)) {
      const taken = found.some((one) => at >= one.at && at < one.at + one.piece.text.length);
      if (!taken) found.push({ at, piece: { kind: 'mention', text: `@${name}`, userId } });
    }
  }
  return found;
}

/** Where a text speaks to a name. */
function placesOf(text: string, name: string): number[] {
  const places: number[] = [];
  const wanted = `@${name}`;
  if (name === '') return places;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const [next = ''] = text.slice(at + wanted.length);
    if (!WORD.test(next)) places.push(at);
  }
  return places;
}

/** Most people a message may speak to; the server's limit. */
const MOST_MENTIONS = 20;

/** Returns the ids of those whose names a text has behind an `@`, each once. */
export function spokenToIn(text: string, known: readonly Addressee[]): string[] {
  const found = namesIn(text, known).flatMap(({ piece }) =>
    piece.kind === 'mention' ? [piece.userId] : [],
  );
  return [...new Set(found)].slice(0, MOST_MENTIONS);
}
