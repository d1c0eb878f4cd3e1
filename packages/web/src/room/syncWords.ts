import type { Member, Telemetry } from '@parlor/sdk';
import { strings } from '../strings';

/** The shape of a sync meter's dot; each has a form of its own, not only a colour. */
export type SyncShape = 'together' | 'moving' | 'waiting' | 'apart';

/** What a sync meter shows. */
export interface SyncMeter {
  shape: SyncShape;
  words: string;
}

/** Up to this error, ms, two people see the same moment. */
const TOGETHER_MS = 60;

const say = strings.people.sync;

/** Puts a member's readiness and telemetry into a dot and words. */
export function syncMeter(member: Member, telemetry: Telemetry | undefined): SyncMeter {
  if (member.status === 'reconnecting') return { shape: 'apart', words: say.reconnecting };
  if (member.readiness === 'away' || member.status === 'away')
    return { shape: 'apart', words: say.away };
  if (member.readiness === 'loading' || member.readiness === 'stalled') {
    return { shape: 'waiting', words: say.loading };
  }
  if (telemetry?.class === 'detached') return { shape: 'apart', words: say.detached };
  if (telemetry?.class === 'external') return { shape: 'apart', words: say.external };
  if (member.catchingUp) return { shape: 'moving', words: say.catchingUp };
  if (!telemetry) return { shape: 'apart', words: say.unknown };
  return fromError(telemetry);
}

function fromError({ errorNowMs, errorP50Ms }: Telemetry): SyncMeter {
  if (Math.abs(errorNowMs) <= TOGETHER_MS) {
    const within = Math.max(1, Math.ceil(Math.max(errorP50Ms, Math.abs(errorNowMs))));
    return { shape: 'together', words: say.within(Math.min(within, TOGETHER_MS)) };
  }
  const amount = formatGap(Math.abs(errorNowMs));
  return { shape: 'moving', words: errorNowMs > 0 ? say.behind(amount) : say.ahead(amount) };
}

/** Writes a difference: `300 ms`, `2.4 s`. */
export function formatGap(gapMs: number): string {
  return gapMs < 1_000 ? `${Math.round(gapMs)} ms` : `${(gapMs / 1_000).toFixed(1)} s`;
}
