import { tick } from 'svelte';
import { Conversation } from './conversation.svelte';
import type { RoomModel } from './room.svelte';
import { layout } from './layout.svelte';
import { preferences } from './preferences.svelte';

/** The tabs of the side panel. */
export type Tab = 'chat' | 'people' | 'queue';

/** The dialogs of a room. */
export type DialogName = 'invite' | 'settings' | 'keys' | 'offset' | 'rename' | 'another';

/** After this long without a movement, ms, everything but the film fades. */
const CINEMA_MS = 3_000;

/** What is open, shown or faded on a room's page. */
export class RoomUi {
  tab = $state<Tab>('chat');
  dialog = $state<DialogName | null>(null);
  /** The media element that plays, once there is one. */
  media = $state.raw<HTMLMediaElement | null>(null);
  /** How long what plays is, ms; `null` while that is not known, or it has no end. */
  filmMs = $state<number | null>(null);
  /** The field of the chat and that of the queue, to be focused. */
  chatField = $state.raw<HTMLElement | null>(null);
  queueField = $state.raw<HTMLElement | null>(null);
  /** Whether the page fills the screen. */
  full = $state(document.fullscreenElement !== null);
  /** Whether the panel is out where the film comes first: full screen, a phone on its side. */
  #sheet = $state(false);
  /** Menus over the film that are open: while one is, nothing fades. */
  menus = $state(0);
  /** Whether the window has the focus: what comes meanwhile was not looked at. */
  focused = $state(document.hasFocus());
  /** What one does with the chat. */
  readonly conversation: Conversation;
  #still = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #room: RoomModel;

  /** Whether the side panel is out; where it stands below the film it always is. */
  panelOpen = $derived.by(() => (this.#filmFirst ? this.#sheet : preferences.now.panelOpen));
  #filmFirst = $derived(this.full || layout.shape === 'flat');
  /** Whether the lights are down: the film plays and nobody moves. */
  cinema = $derived.by(
    () =>
      this.#still &&
      this.#room.player.phase === 'playing' &&
      this.dialog === null &&
      this.menus === 0,
  );

  /** Keeps an eye on how long the film is; returns how to stop that. */
  measure(media: HTMLMediaElement): () => void {
    const look = () => {
      const { duration } = media;
      this.filmMs = Number.isFinite(duration) && duration > 0 ? duration * 1_000 : null;
    };
    look();
    media.addEventListener('durationchange', look);
    return () => {
      media.removeEventListener('durationchange', look);
      this.filmMs = null;
    };
  }

  constructor(room: RoomModel) {
    this.#room = room;
    this.conversation = new Conversation(room);
  }

  /** Notes that somebody is there. */
  move = (): void => {
    this.#still = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#still = true), CINEMA_MS);
  };

  togglePanel(): void {
    if (this.#filmFirst) this.#sheet = !this.#sheet;
    else preferences.set({ panelOpen: !preferences.now.panelOpen });
  }

  /** Shows a tab of the panel. */
  show(tab: Tab): void {
    if (!this.panelOpen) this.togglePanel();
    this.tab = tab;
  }

  /** Shows a tab and puts the cursor into its field, as soon as it is there. */
  write(tab: 'chat' | 'queue'): void {
    this.show(tab);
    void tick().then(() => (tab === 'chat' ? this.chatField : this.queueField)?.focus());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.conversation.stop();
  }
}
