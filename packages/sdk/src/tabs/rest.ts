import type { Unsubscribe } from '../emitter.ts';

/**
 * Tells when the page stops running, for good or until somebody comes back to it, and when it goes on:
 * frozen tabs and the pages that browsers keep for their back button (Page Lifecycle; HTML Living
 * Standard, section 7.4.6). Does nothing outside a browser.
 */
export function pageRests(listener: (rests: boolean) => void): Unsubscribe {
  if (typeof window === 'undefined') return () => {};
  let resting = false;
  const become = (rests: boolean) => {
    if (rests === resting) return;
    resting = rests;
    listener(rests);
  };
  const stops = () => become(true);
  const goesOn = () => become(false);
  document.addEventListener('freeze', stops);
  window.addEventListener('pagehide', stops);
  document.addEventListener('resume', goesOn);
  window.addEventListener('pageshow', goesOn);
  return () => {
    document.removeEventListener('freeze', stops);
    window.removeEventListener('pagehide', stops);
    document.removeEventListener('resume', goesOn);
    window.removeEventListener('pageshow', goesOn);
  };
}
