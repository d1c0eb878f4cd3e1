// Made by `make codegen` from `crates/room/src/roles.rs`.

/** Roles, least first. */
export const ROLES = ['guest', 'member', 'moderator', 'host', 'owner'] as const;

/** Of what is done in a room, the least role that may, under each setting of the remote. */
export const ACTS = {
  watch: { everyone: 'guest', moderators: 'guest', 'host-only': 'guest' },
  talk: { everyone: 'guest', moderators: 'guest', 'host-only': 'guest' },
  tidy: { everyone: 'moderator', moderators: 'moderator', 'host-only': 'moderator' },
  play: { everyone: 'guest', moderators: 'moderator', 'host-only': 'host' },
  queue: { everyone: 'guest', moderators: 'moderator', 'host-only': 'host' },
  admit: { everyone: 'moderator', moderators: 'moderator', 'host-only': 'moderator' },
  remove: { everyone: 'moderator', moderators: 'moderator', 'host-only': 'moderator' },
  invite: { everyone: 'moderator', moderators: 'moderator', 'host-only': 'moderator' },
  arrange: { everyone: 'moderator', moderators: 'moderator', 'host-only': 'moderator' },
  close: { everyone: 'moderator', moderators: 'moderator', 'host-only': 'moderator' },
  appoint: { everyone: 'host', moderators: 'host', 'host-only': 'host' },
} as const;
