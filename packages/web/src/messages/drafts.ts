/** What was typed and not sent, by whom it is for; kept on this device, for each account by itself. */
const KEY = 'parlor.drafts';
/** Drafts kept; the oldest are forgotten. */
const MOST = 50;

type Drafts = Record<string, string>;

function read(me: string, storage: Storage): Drafts {
  try {
    const kept: unknown = JSON.parse(storage.getItem(`${KEY}.${me}`) ?? '{}');
    return typeof kept === 'object' && kept !== null ? (kept as Drafts) : {};
  } catch {
    return {};
  }
}

/** Returns what was typed to somebody and not sent. */
export function draftFor(me: string, who: string, storage: Storage = localStorage): string {
  const draft = read(me, storage)[who];
  return typeof draft === 'string' ? draft : '';
}

/** Keeps what is typed to somebody; nothing is nothing. */
export function keepDraft(
  me: string,
  who: string,
  text: string,
  storage: Storage = localStorage,
): void {
  const others = Object.entries(read(me, storage)).filter(([other]) => other !== who);
  const kept = text.trim() === '' ? others : [...others, [who, text]];
  const newest = kept.slice(-MOST);
  try {
    storage.setItem(`${KEY}.${me}`, JSON.stringify(Object.fromEntries(newest)));
  } catch {
    // A full or forbidden storage keeps no drafts; everything else goes on.
  }
}
