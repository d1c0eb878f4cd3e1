/** How much earlier a player must be told, ms. */
export interface Lead {
  /** From `play()` to sound. */
  startMs: number;
  /** What a seek while playing loses. */
  seekMs: number;
  /** From a seek while paused until it can play. */
  prepareMs: number;
}

/** `play()` was measured to take effect 66–84 ms late, a seek to lose 75–112 ms (Chromium 156). */
const UNKNOWN: Lead = { startMs: 75, seekMs: 75, prepareMs: 350 };
const LONGEST_MS = 600;
const LONGEST_PREPARE_MS = 4_000;
/** Share of a remaining error that is learned from it. */
const LEARNED = 0.4;
/** A larger error, ms, says more about a busy machine than about the player. */
const MOST_BELIEVED_MS = 150;

/** Where leads outlive the page, `localStorage` for one. */
export interface LeadStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const KEY = 'parlor.leads';

/** What was learned of each kind of source, remembered where there is a store for it. */
export class Leads {
  readonly #store: LeadStore | null;
  readonly #leads: Map<string, Lead>;
  readonly #expected = new Map<string, Lead>();

  constructor(store: LeadStore | null = null) {
    this.#store = store;
    this.#leads = new Map(Object.entries(read(store)));
  }

  /** Takes a player's word for how long a start takes, ms, where nothing was learned yet. */
  expect(kind: string, startMs: number): void {
    this.#expected.set(kind, { ...UNKNOWN, startMs });
  }

  /** What is known of a kind of source. */
  of(kind: string): Readonly<Lead> {
    return this.#leads.get(kind) ?? this.#expected.get(kind) ?? UNKNOWN;
  }

  /** Learns from the error that remained after a start or a seek; positive is behind. */
  learn(kind: string, which: 'startMs' | 'seekMs', errorMs: number): void {
    const lead = this.of(kind);
    const believed = Math.max(-MOST_BELIEVED_MS, Math.min(MOST_BELIEVED_MS, errorMs));
    const learned = Math.max(0, Math.min(LONGEST_MS, lead[which] + LEARNED * believed));
    this.#keep(kind, { ...lead, [which]: learned });
  }

  /** Learns how long it took until the player could start. */
  learnPrepare(kind: string, tookMs: number): void {
    const lead = this.of(kind);
    const prepareMs = Math.max(100, Math.min(LONGEST_PREPARE_MS, 0.5 * lead.prepareMs + tookMs));
    this.#keep(kind, { ...lead, prepareMs });
  }

  #keep(kind: string, lead: Lead): void {
    this.#leads.set(kind, lead);
    try {
      this.#store?.setItem(KEY, JSON.stringify(Object.fromEntries(this.#leads)));
    } catch {
      // A full or forbidden store only means that the next page learns again.
    }
  }
}

function read(store: LeadStore | null): Record<string, Lead> {
  try {
    const text = store?.getItem(KEY);
    return text ? sane(JSON.parse(text)) : {};
  } catch {
    return {};
  }
}

function sane(value: unknown): Record<string, Lead> {
  if (typeof value !== 'object' || value === null) return {};
  const entries = Object.entries(value).filter((entry): entry is [string, Lead] => {
    const lead = entry[1] as Partial<Lead> | null;
    return [lead?.startMs, lead?.seekMs, lead?.prepareMs].every(
      (ms) => typeof ms === 'number' && ms >= 0 && ms <= LONGEST_PREPARE_MS,
    );
  });
  return Object.fromEntries(entries);
}
