import { ParlorError } from '@parlor/sdk';

/** How somebody stands before a room. */
export type Standing =
  | 'admitted'
  | 'waiting'
  | 'password'
  | 'knock'
  | 'account'
  | 'invited'
  | 'turned-away'
  | 'elsewhere';

/** What each refusal at the door means for the page. Of others the room's own ending tells. */
const MEANINGS: Readonly<Record<string, Standing>> = {
  password_required: 'password',
  account_required: 'account',
  not_invited: 'invited',
  waiting_room: 'knock',
  turned_away: 'turned-away',
};

/** Reads why the door stays closed; `undefined` if the server could not be asked. */
export function standingAfter(error: unknown): Standing | undefined {
  if (!(error instanceof ParlorError)) return undefined;
  return MEANINGS[error.code] ?? 'elsewhere';
}
