import type { CloseMeaning, RoomSnapshot } from '@parlor/sdk';
import { strings } from '../strings';

/** How a stay in a room ended. */
export interface Ending {
  title: string;
  text: string;
  /** Whether coming in again may work. */
  again: boolean;
}

const say = strings.ends;

/** Puts the end of a stay into words. */
export function endingOf(why: CloseMeaning['reason'], closed: RoomSnapshot['closed']): Ending {
  if (closed === 'deleted') return { title: say.ended, text: say.endedText, again: false };
  if (closed === 'vanished') {
    return { title: say.vanished, text: say.vanishedText, again: false };
  }
  if (closed === 'idle') return { title: say.idle, text: say.idleText, again: false };
  switch (why) {
    case 'removed':
      return { title: say.removed, text: say.removedText, again: false };
    case 'room_full':
      return { title: say.full, text: say.fullText, again: true };
    case 'room_gone':
      return { title: say.missing, text: say.missingText, again: false };
    case 'login_ended':
      return { title: say.loginEnded, text: say.loginEndedText, again: true };
    case 'left':
      return { title: say.left, text: say.leftText, again: true };
    case 'protocol':
    case 'too_big':
    case 'restart':
    case 'too_slow':
    case 'flooding':
    case 'lost':
      return { title: say.stopped, text: say.stoppedText, again: true };
  }
}
