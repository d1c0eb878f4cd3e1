import type { Preferences } from '@parlor/sdk';

/** What a person likes: kept with the account, and on this device for the moment before it answers. */
export interface Comfort extends Required<Preferences> {
  /** A BCP 47 tag; empty for that of the device. */
  language: string;
}

const USUAL: Comfort = { motion: 'device', contrast: 'device', textPercent: 100, language: '' };

/** How large text may be, in percent of the usual. */
export const TEXT_PERCENTS = [100, 125, 150, 200] as const;

/** Reads what a device kept; anything that is not as it should be counts as usual. */
export function parseComfort(text: string | null): Comfort {
  let kept: Partial<Record<keyof Comfort, unknown>> = {};
  try {
    kept = (JSON.parse(text ?? '{}') ?? {}) as typeof kept;
  } catch {
    // Somebody else's value; ours is written over it.
  }
  const percent = Number(kept.textPercent);
  return {
    motion: kept.motion === 'less' ? 'less' : 'device',
    contrast: kept.contrast === 'more' ? 'more' : 'device',
    textPercent: percent >= 100 && percent <= 200 ? percent : USUAL.textPercent,
    language: isLanguage(kept.language) ? kept.language : '',
  };
}

function isLanguage(tag: unknown): tag is string {
  if (typeof tag !== 'string' || tag === '') return false;
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
