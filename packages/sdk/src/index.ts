/**
 * A client of Parlor: REST (`ParlorClient`), one room (`Room`: its socket, mirror, clock, outbox),
 * and what keeps a player with the room (`SyncController`). It uses no framework and draws nothing.
 */
export { ParlorClient, type ParlorClientOptions } from './client.ts';
export { Room, type Medium } from './room.ts';
export {
  RoomSocket,
  type RoomSocketOptions,
  type SocketState,
  type WebSocketLike,
} from './room-socket.ts';
export { DirectSocket, type DirectSocketOptions } from './direct/socket.ts';
export type {
  DirectAnswer,
  DirectEvents,
  DirectPlace,
  DirectToSend,
  ReceivedDirect,
} from './direct/connection.ts';
export {
  RealtimeStream,
  type RealtimeEvents,
  type RealtimeStreamOptions,
} from './realtime/stream.ts';
export { TabShare, type ShareOptions } from './tabs/share.ts';
export { closeMeaning, type CloseMeaning } from './close-codes.ts';
export { RoomView, type RoomSnapshot, type SelfDestruct } from './room-view.ts';
export { Outbox, randomId, type Outgoing, type Regard } from './outbox.ts';
export { ServerClock } from './server-clock.ts';
export { ClockFilter, type ClockEstimate, type ClockSample } from './clock-filter.ts';
export { isMoving, positionAt, type Timeline } from './timeline.ts';
export {
  SyncController,
  type SyncOptions,
  type SyncPhase,
  type SyncState,
} from './sync/controller.ts';
export type { Player, PlayerEvents } from './sync/player.ts';
export { MediaElementPlayer, type MediaElementOptions } from './sync/media-element-player.ts';
export type { LeadStore } from './sync/leads.ts';
export { ACTS, ROLES } from './roles.gen.ts';
export { Disconnected, ParlorError } from './errors.ts';
export { Emitter, type Unsubscribe } from './emitter.ts';
export { systemTime, type Time, type Timer } from './time.ts';
export type { Wake } from './wake.ts';
export type * from './protocol.ts';
