/** Reads a number of seats: empty is no limit (`null`), less than two is no room (`undefined`). */
export function readSeats(text: string): number | null | undefined {
  const typed = text.trim();
  if (typed === '') return null;
  const seats = Number(typed);
  return Number.isInteger(seats) && seats >= 2 && seats <= 1_000_000 ? seats : undefined;
}
