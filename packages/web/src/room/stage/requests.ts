/** What a person can ask of a player's controls that concerns everybody in the room. */
export interface Requests {
  play(): void;
  pause(): void;
  seek(positionMs: number): void;
  speed(speed: number): void;
}

/** How long after the last step of a keyboard seek the wish is sent, ms. */
const SETTLE_MS = 200;

/**
 * Catches the requests of media-chrome's controls below `node` before its controller sees them:
 * controls never act on the player themselves, they ask the room. A drag along the seek bar asks
 * once, when it ends.
 */
export function interceptRequests(node: HTMLElement, requests: Requests): () => void {
  const scope = new AbortController();
  let wanted: number | undefined;
  let pressed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function settle() {
    clearTimeout(timer);
    if (wanted !== undefined) requests.seek(wanted);
    wanted = undefined;
  }

  const handlers: Record<string, (detail: unknown) => void> = {
    mediaplayrequest: () => requests.play(),
    mediapauserequest: () => requests.pause(),
    mediaplaybackraterequest: (detail) => requests.speed(Number(detail)),
    mediaseekrequest(detail) {
      wanted = Number(detail) * 1_000;
      clearTimeout(timer);
      if (!pressed) timer = setTimeout(settle, SETTLE_MS);
    },
  };
  for (const [name, handle] of Object.entries(handlers)) {
    const intercept = (event: Event) => {
      event.stopImmediatePropagation();
      event.preventDefault();
      handle((event as CustomEvent<unknown>).detail);
    };
    node.addEventListener(name, intercept, { capture: true, signal: scope.signal });
  }
  const release = () => {
    pressed = false;
    settle();
  };
  node.addEventListener('pointerdown', () => (pressed = true), { signal: scope.signal });
  addEventListener('pointerup', release, { signal: scope.signal });
  addEventListener('pointercancel', release, { signal: scope.signal });
  return () => {
    clearTimeout(timer);
    scope.abort();
  };
}
