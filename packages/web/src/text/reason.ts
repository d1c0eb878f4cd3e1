import { strings } from '../strings';

/** Says to a person why something was not done. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : strings.app.unreachable;
}
