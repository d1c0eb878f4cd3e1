/** How far somebody has read in a room: the number of a message, never what it says. */
const KEY = 'parlor.read';
/** Rooms of which that is kept; the ones that were read in longest ago are forgotten. */
const MOST = 100;

/** By room and person. */
type Places = Record<string, number>;

function nameOf(roomId: string, me: string): string {
  return `${roomId} ${me}`;
}

function read(storage: Storage): Places {
  try {
    const kept: unknown = JSON.parse(storage.getItem(KEY) ?? '{}');
    return typeof kept === 'object' && kept !== null ? (kept as Places) : {};
  } catch {
    return {};
  }
}

function write(storage: Storage, places: [string, number][]): void {
  try {
    if (places.length === 0) storage.removeItem(KEY);
    else storage.setItem(KEY, JSON.stringify(Object.fromEntries(places.slice(-MOST))));
  } catch {
    // A full or forbidden storage keeps no places; everything else goes on.
  }
}

/** Returns how far somebody has read in a room; `null` if that is not known. */
export function placeIn(roomId: string, me: string, storage: Storage): number | null {
  const place = read(storage)[nameOf(roomId, me)];
  return typeof place === 'number' && Number.isFinite(place) ? place : null;
}

/** Keeps how far somebody has read in a room; in another tab they may have come further. */
export function keepPlace(roomId: string, me: string, place: number, storage: Storage): void {
  const known = placeIn(roomId, me, storage);
  if (known !== null && known >= place) return;
  const name = nameOf(roomId, me);
  const others = Object.entries(read(storage)).filter(([other]) => other !== name);
  write(storage, [...others, [name, place]]);
}

/** Forgets a room that is gone, whoever read in it. */
export function forgetPlaces(roomId: string, storage: Storage): void {
  const places = Object.entries(read(storage));
  const others = places.filter(([name]) => !name.startsWith(nameOf(roomId, '')));
  if (others.length < places.length) write(storage, others);
}
