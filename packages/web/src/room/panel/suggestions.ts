import type { Member } from '@parlor/sdk';

/** A word behind an `@` that is being written: where its `@` stands, and what follows it so far. */
export interface Query {
  at: number;
  word: string;
}

/** What may stand there instead. */
export type Suggestion =
  | { kind: 'person'; key: string; userId: string; name: string }
  | { kind: 'now'; key: 'now'; text: string };

/** Suggestions shown at once. */
const MOST = 6;
/** Longest beginning of a name that is looked for. */
const MOST_CHARS = 60;

/** Finds the word behind an `@` that ends at the caret, if one is being written. */
export function queryAt(text: string, caret: number): Query | null {
  const before = text.slice(0, caret);
  const at = before.lastIndexOf('@');
  if (at < 0 || (at > 0 && !/[\s([{"'“‘]/.test(before[at - 1] ?? ''))) return null;
  const word = before.slice(at + 1);
  return /\n| {2}|^ /.test(word) || word.length > MOST_CHARS ? null : { at, word };
}

/**
 * Suggests who may be meant, those whose name begins with the word before those in whose name
 * another word does; and, for `@now`, the moment of the film, if there is one.
 */
export function suggest(
  word: string,
  members: readonly Member[],
  me: string,
  now: string | null,
): Suggestion[] {
  const wanted = word.toLowerCase();
  const others = members.filter(({ userId }) => userId !== me);
  const starts = others.filter((one) => one.displayName.toLowerCase().startsWith(wanted));
  const within = others.filter(
    (one) => !starts.includes(one) && one.displayName.toLowerCase().includes(` ${wanted}`),
  );
  const people = [...starts, ...within].map(({ userId, displayName }): Suggestion => {
    return { kind: 'person', key: userId, userId, name: displayName };
  });
  const moment: Suggestion[] =
    now !== null && 'now'.startsWith(wanted) ? [{ kind: 'now', key: 'now', text: now }] : [];
  return [...people.slice(0, MOST - moment.length), ...moment];
}

/** Puts a suggestion in the place of what was written, and says where the caret is then. */
export function accept(
  text: string,
  caret: number,
  query: Query,
  suggestion: Suggestion,
): { text: string; caret: number } {
  const words = suggestion.kind === 'person' ? `@${suggestion.name}` : suggestion.text;
  const rest = text.slice(caret);
  const space = rest.startsWith(' ') ? '' : ' ';
  const before = text.slice(0, query.at) + words;
  return { text: before + space + rest, caret: before.length + 1 };
}
