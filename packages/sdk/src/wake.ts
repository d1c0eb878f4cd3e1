import type { Unsubscribe } from './emitter.ts';

/** Tells when it is worth looking at the network again at once. */
export type Wake = (listener: () => void) => Unsubscribe;

/** The page came to the front or the machine came back online. Does nothing outside a browser. */
export const browserWake: Wake = (listener) => {
  if (typeof window === 'undefined') return () => {};
  const visible = () => {
    if (document.visibilityState === 'visible') listener();
  };
  window.addEventListener('online', listener);
  document.addEventListener('visibilitychange', visible);
  return () => {
    window.removeEventListener('online', listener);
    document.removeEventListener('visibilitychange', visible);
  };
};
