/** What was typed and not sent, by whom it is for; kept on this device. */
const KEY = 'parlor.drafts';
/** Drafts kept; the oldest are forgotten. */
const MOST = 50;

type Drafts = Record<string, string>;

function read(storage: Storage): Drafts {
  try {
    const kept: unknown = JSON.parse(storage.getItem(KEY) ?? '{}');
    return typeof kept === 'object' && kept !== null ? (kept as Drafts) : {};
  } catch {
    return {};
  }
}

/** Returns what was typed to somebody and not sent. */
export function draftFor(who: string, storage: Storage = localStorage): string {
  const draft = read(storage)[who];
  return typeof draft === 'string' ? draft : '';
}

/** Keeps what is typed to somebody; nothing is nothing. */
export function keepDraft(who: string, text: string, storage: Storage = localStorage): void {
  const others = Object.entries(read(storage)).filter(([other]) => other !== who);
  const kept = text.trim() === '' ? others : [...others, [who, text]];
  const newest = kept.slice(-MOST);
  try {
    storage.setItem(KEY, JSON.stringify(Object.fromEntries(newest)));
  } catch {
    // A full or forbidden storage keeps no drafts; everything else goes on.
  }
}
