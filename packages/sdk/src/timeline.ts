import type { PlaybackState } from './protocol.ts';

/** What position is computed from. */
export type Timeline = Pick<
  PlaybackState,
  'isPlaying' | 'currentTime' | 'playbackSpeed' | 'at' | 'holding'
>;

/** Says whether the timeline moves: it is played, and nobody is waited for. */
export function isMoving(timeline: Timeline): boolean {
  return timeline.isPlaying && timeline.holding === null;
}

/**
 * Returns where the room is, ms, at a moment of the server's clock, ms. Before `at` a timeline
 * stands at its beginning: that is how a start is coordinated.
 */
export function positionAt(timeline: Timeline, serverMs: number): number {
  if (!isMoving(timeline)) return timeline.currentTime;
  return timeline.currentTime + Math.max(0, serverMs - timeline.at) * timeline.playbackSpeed;
}
