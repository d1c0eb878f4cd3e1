/** Twelve backgrounds; dark ink stands on each of them with a contrast of at least 6:1. */
const COLOURS = [
  '#e0a458',
  '#dc9478',
  '#d193b5',
  '#b3a5df',
  '#90b0e2',
  '#7cc0cb',
  '#86c6a1',
  '#aec273',
  '#d8c267',
  '#dfa2a8',
  '#bdae99',
  '#a3bfae',
] as const;

/** Chooses a person's colour by their id, the same for everybody and always. */
export function colourOf(userId: string): string {
  let hash = 0;
  for (const sign of userId) hash = (Math.imul(hash, 31) + (sign.codePointAt(0) ?? 0)) >>> 0;
  return COLOURS[hash % COLOURS.length] ?? COLOURS[0];
}

/** Takes up to two initials from a name: first and last word. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = words[0];
  if (first === undefined) return '?';
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  const initial = (word: string | undefined) => [...(word ?? '')][0] ?? '';
  return (initial(first) + initial(last)).toUpperCase();
}

/** Joins names as one would say them: `Ada`, `Ada and Bob`, `Ada, Bob and 3 others`. */
export function listNames(names: readonly string[]): string {
  const [first = '', second = '', third = ''] = names;
  switch (names.length) {
    case 0:
      return '';
    case 1:
      return first;
    case 2:
      return `${first} and ${second}`;
    case 3:
      return `${first}, ${second} and ${third}`;
    default:
      return `${first}, ${second} and ${names.length - 2} others`;
  }
}
