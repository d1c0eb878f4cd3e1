import type { RoomSettings } from '@parlor/sdk';
import { strings } from '../../strings';

/** Says what a link to the room is good for. */
export function inviteText({ entry, hasPassword }: RoomSettings): string {
  const { text, textClosed } = strings.invite;
  if (entry === 'invited') return textClosed.invited;
  if (entry === 'knock') return textClosed.knock;
  if (hasPassword) return textClosed.password;
  return entry === 'accounts' ? textClosed.accounts : text;
}
