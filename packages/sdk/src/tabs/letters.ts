import { Disconnected, ParlorError } from '../errors.ts';

/** What tabs write to each other. `term` says whose time it is in which something is said. */
export type Letter<Told, Asked, Answer> =
  /** Who holds? Asked by whoever comes, and to see whether the one that holds is awake. */
  | { kind: 'who' }
  | { kind: 'holds'; term: number }
  | { kind: 'told'; term: number; told: Told }
  | { kind: 'asked'; term: number; id: string; asked: Asked }
  | { kind: 'answered'; term: number; id: string; outcome: Outcome<Answer> };

/** What came of a question, in a form that goes from tab to tab; errors of ours do not. */
export type Outcome<Answer> =
  { done: true; answer: Answer } | { done: false; message: string; refusal?: Refusal };

interface Refusal {
  code: string;
  status: number;
  retryAfterSeconds?: number;
}

/** Waits for an answer and puts what came of it into words. */
export async function outcomeOf<Answer>(answer: Promise<Answer>): Promise<Outcome<Answer>> {
  try {
    return { done: true, answer: await answer };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof ParlorError)) return { done: false, message };
    const { code, status, retryAfterSeconds } = error;
    const wait = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
    return { done: false, message, refusal: { code, status, ...wait } };
  }
}

/** Returns the error that stands for what failed in another tab. */
export function errorOf(message: string, refusal: Refusal | undefined): Error {
  if (!refusal) return new Disconnected(message);
  return new ParlorError(message, refusal.code, refusal.status, refusal.retryAfterSeconds);
}
