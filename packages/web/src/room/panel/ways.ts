import type { ChatMessage } from '@parlor/sdk';
import { strings } from '../../strings';
import { copyText } from '../../ui/copy';
import { toasts } from '../../ui/toasts.svelte';
import type { RoomModel } from '../room.svelte';
import type { RoomUi } from '../ui.svelte';

/** What one can do with a message. What one may not do is not there. */
export interface Ways {
  reply: () => void;
  copy: () => void;
  edit?: () => void;
  remove?: () => void;
}

/** Says what one can do with a message that still says something. */
export function wayWith(message: ChatMessage, room: RoomModel, ui: RoomUi): Ways {
  const own = message.userId === room.myId;
  const writing = (begin: () => void) => () => {
    begin();
    ui.write('chat');
  };
  const { conversation } = ui;
  return {
    reply: writing(() => conversation.answer(message)),
    copy: () => {
      conversation.held = null;
      void copyText(message.text).then((copied) => {
        toasts.tell(copied ? strings.chat.copied : strings.room.copyFailed);
      });
    },
    ...(own ? { edit: writing(() => conversation.change(message)) } : {}),
    ...(own || room.tidies
      ? {
          remove: () => {
            conversation.held = null;
            room.takeBack(message);
          },
        }
      : {}),
  };
}
