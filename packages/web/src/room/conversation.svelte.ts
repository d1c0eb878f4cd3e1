import type { ChatMessage } from '@parlor/sdk';
import type { RoomModel } from './room.svelte';
import { forgetPlaces, keepPlace, placeIn } from './places';
import { numberOf, unreadAfter } from './unread';

/** The line above what is new stays so long after it came into sight, ms. */
const LINE_STAYS_MS = 6_000;
/** A message one was led to is marked for so long, ms. */
const POINTED_MS = 1_600;

/** What somebody is doing with the chat: what they answer or change, and how far they have read. */
export class Conversation {
  /** The message that what is written answers, or that it replaces. */
  answering = $state.raw<ChatMessage | null>(null);
  changing = $state.raw<ChatMessage | null>(null);
  /** The message whose tools a finger has called up. */
  held = $state<string | null>(null);
  /** The message somebody was led to just now. */
  pointed = $state<string | null>(null);
  /** Whether the newest messages are being looked at. */
  looking = $state(false);
  /** The message above which what is new begins. */
  line = $state<string | null>(null);
  #seen = $state<number | null>(null);
  #lineTimer: ReturnType<typeof setTimeout> | undefined;
  #pointTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #room: RoomModel;

  #gone = false;

  /** How many messages were not looked at. What was said before one came the first time is not new. */
  unread = $derived.by(() => {
    if (this.#seen === null || this.looking) return 0;
    return unreadAfter(this.#room.now.chat, this.#seen, this.#room.myId).length;
  });

  constructor(room: RoomModel) {
    this.#room = room;
  }

  /** Takes note of what is there, looked at or not. Called after each change of either. */
  note(chat: readonly ChatMessage[], looking: boolean): void {
    const { roomId, myId } = this.#room;
    const last = chat.at(-1);
    const newest = last ? numberOf(last) : 0;
    const comes = this.#seen === null;
    this.#seen ??= placeIn(roomId, myId, this.#storage) ?? newest;
    const [first] = unreadAfter(chat, this.#seen, myId);
    // A line that still stands stays where it is: above the first of what was not seen. Whoever comes
    // back is shown it even if they look at once.
    if (first && this.line === null && (comes || !looking)) this.line = first.id;
    if (looking) this.#seen = Math.max(this.#seen, newest);
    if (!this.#gone) keepPlace(roomId, myId, this.#seen, this.#storage);
  }

  /** Leaves nothing of a room that is gone on this device. */
  forget(): void {
    this.#gone = true;
    for (const storage of [localStorage, sessionStorage]) forgetPlaces(this.#room.roomId, storage);
  }

  /** Of a room that vanishes something is kept for a reload, and nothing once the tab is closed. */
  get #storage(): Storage {
    return this.#room.now.selfDestruct === null ? localStorage : sessionStorage;
  }

  /** Lets the line go in a while: it is being looked at. Returns how to keep it after all. */
  fadeLine(): () => void {
    clearTimeout(this.#lineTimer);
    this.#lineTimer = setTimeout(() => (this.line = null), LINE_STAYS_MS);
    return () => clearTimeout(this.#lineTimer);
  }

  answer(message: ChatMessage): void {
    this.stopWriting();
    this.answering = message;
  }

  change(message: ChatMessage): void {
    this.stopWriting();
    this.changing = message;
  }

  /** Answers nothing and changes nothing. */
  stopWriting(): void {
    this.answering = null;
    this.changing = null;
    this.held = null;
  }

  /** Marks a message somebody was led to. */
  point(id: string): void {
    this.pointed = id;
    clearTimeout(this.#pointTimer);
    this.#pointTimer = setTimeout(() => (this.pointed = null), POINTED_MS);
  }

  stop(): void {
    clearTimeout(this.#lineTimer);
    clearTimeout(this.#pointTimer);
  }
}
