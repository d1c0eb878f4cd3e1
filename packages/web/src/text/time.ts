/** How dates and times are written: in which language; `undefined` for that of the device. */
export const dates: { locale: string | undefined } = { locale: undefined };

/** Writes a position in ms as `4:05` or `1:04:05`; what is not a number becomes `0:00`. */
export function formatPosition(positionMs: number): string {
  const whole = Number.isFinite(positionMs) ? Math.max(0, Math.floor(positionMs / 1000)) : 0;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const seconds = String(whole % 60).padStart(2, '0');
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}`
    : `${minutes}:${seconds}`;
}

/** Writes the time of day of an instant, in the reader's own clock. */
export function formatClock(iso: string): string {
  const instant = new Date(iso);
  if (Number.isNaN(instant.getTime())) return '';
  return instant.toLocaleTimeString(dates.locale, { hour: '2-digit', minute: '2-digit' });
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** Writes how long ago an instant was: `2 hours ago`, `yesterday`, `just now`. */
export function formatAgo(thenMs: number, nowMs: number): string {
  const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
  for (const [unit, sizeMs] of STEPS) {
    const count = Math.floor((nowMs - thenMs) / sizeMs);
    if (count >= 1) return words.format(-count, unit);
  }
  return 'just now';
}

/** Writes the day of an instant as a heading of a conversation: `Today`, `Yesterday`, `3 May`. */
export function formatDay(iso: string, nowMs: number): string {
  const day = new Date(iso).setHours(0, 0, 0, 0);
  const days = Math.round((new Date(nowMs).setHours(0, 0, 0, 0) - day) / 86_400_000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return new Date(iso).toLocaleDateString(dates.locale, { day: 'numeric', month: 'long' });
}
