/** What a person set for their own player and page, kept on this device. */
export interface Preferences {
  volume: number;
  muted: boolean;
  /** How far the own output lags, ms; the player runs ahead by as much. */
  offsetMs: number;
  panelPx: number;
  panelOpen: boolean;
}

/** Narrowest and widest the side panel gets, px. */
export const PANEL_PX = { least: 280, most: 560 } as const;

/** How far one's own output may be moved, ms. */
export const OFFSET_MS = { least: -500, most: 500, step: 10 } as const;

const DEFAULTS: Preferences = {
  volume: 1,
  muted: false,
  offsetMs: 0,
  panelPx: 344,
  panelOpen: true,
};

function between(value: unknown, least: number, most: number, otherwise: number): number {
  const number = typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
  return Math.min(most, Math.max(least, number));
}

/** Reads what is stored; whatever is missing or makes no sense becomes the default. */
export function parsePreferences(text: string | null): Preferences {
  let stored: Partial<Record<keyof Preferences, unknown>> = {};
  try {
    stored = (JSON.parse(text ?? '{}') ?? {}) as typeof stored;
  } catch {
    // Somebody else's text under our key: as good as none.
  }
  return {
    volume: between(stored.volume, 0, 1, DEFAULTS.volume),
    muted: stored.muted === true,
    offsetMs: between(stored.offsetMs, OFFSET_MS.least, OFFSET_MS.most, DEFAULTS.offsetMs),
    panelPx: between(stored.panelPx, PANEL_PX.least, PANEL_PX.most, DEFAULTS.panelPx),
    panelOpen: stored.panelOpen !== false,
  };
}
