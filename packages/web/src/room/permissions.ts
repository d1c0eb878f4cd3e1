import { ACTS, ROLES, type Control, type Member, type Role } from '@parlor/sdk';

/** Something that is done in a room. */
export type Act = keyof typeof ACTS;

function rank(role: Role): number {
  return ROLES.indexOf(role);
}

/**
 * Says whether a role may do something. The server decides, by the same table; this only keeps
 * controls out of sight that would fail.
 */
export function may(role: Role, act: Act, control: Control): boolean {
  return rank(role) >= rank(ACTS[act][control]);
}

/** Says whether a member with this role may control playback and the queue. */
export function mayControl(role: Role, control: Control): boolean {
  return may(role, 'play', control);
}

/** Says whether a member with this role may change the room's settings. */
export function mayManage(role: Role): boolean {
  return may(role, 'arrange', 'everyone');
}

/** What one member may do with another. */
export interface Powers {
  makeHost: boolean;
  makeModerator: boolean;
  makeMember: boolean;
  remove: boolean;
}

/** Says what `me` may do with `other`; never anything with oneself or with somebody above. */
export function powersOver(me: Member | undefined, other: Member): Powers {
  const above = me !== undefined && me.userId !== other.userId && rank(me.role) > rank(other.role);
  const leads = above && may(me.role, 'appoint', 'everyone');
  const moderator = other.role === 'moderator';
  return {
    makeHost: leads && other.role !== 'host',
    makeModerator: leads && !moderator && other.role !== 'host',
    makeMember: leads && moderator,
    remove: above && may(me.role, 'remove', 'everyone'),
  };
}
