/** What a closed socket means, and whether coming back by itself makes sense. */
export interface CloseMeaning {
  reason:
    | 'left'
    | 'protocol'
    | 'too_big'
    | 'restart'
    | 'login_ended'
    | 'removed'
    | 'room_gone'
    | 'room_full'
    | 'too_slow'
    | 'flooding'
    | 'lost';
  reconnect: boolean;
}

const MEANINGS: Readonly<Record<number, CloseMeaning>> = {
  1000: { reason: 'left', reconnect: false },
  1002: { reason: 'protocol', reconnect: false },
  1003: { reason: 'protocol', reconnect: false },
  1007: { reason: 'protocol', reconnect: false },
  1009: { reason: 'too_big', reconnect: false },
  1012: { reason: 'restart', reconnect: true },
  4001: { reason: 'login_ended', reconnect: false },
  4003: { reason: 'removed', reconnect: false },
  4004: { reason: 'room_gone', reconnect: false },
  4005: { reason: 'room_full', reconnect: false },
  4500: { reason: 'too_slow', reconnect: true },
  4501: { reason: 'flooding', reconnect: true },
};

/** Says what a close code means. Everything unlisted (1005, 1006, …) is a lost connection. */
export function closeMeaning(code: number): CloseMeaning {
  return MEANINGS[code] ?? { reason: 'lost', reconnect: true };
}
