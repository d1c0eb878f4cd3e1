import type { Control, Member, Role } from '@parlor/sdk';

/** Roles, least first. The server decides; this only keeps controls out of sight that would fail. */
const ORDER: readonly Role[] = ['guest', 'member', 'moderator', 'host', 'owner'];

/** What each setting asks of who wants to control playback. */
const LEAST: Readonly<Record<Control, Role>> = {
  everyone: 'guest',
  moderators: 'moderator',
  'host-only': 'host',
};

function rank(role: Role): number {
  return ORDER.indexOf(role);
}

/** Says whether a member with this role may control playback and the queue. */
export function mayControl(role: Role, control: Control): boolean {
  return rank(role) >= rank(LEAST[control]);
}

/** Says whether a member with this role may change the room's settings. */
export function mayManage(role: Role): boolean {
  return rank(role) >= rank('moderator');
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
  const leads = above && rank(me.role) >= rank('host');
  const moderator = other.role === 'moderator';
  return {
    makeHost: leads && other.role !== 'host',
    makeModerator: leads && !moderator && other.role !== 'host',
    makeMember: leads && moderator,
    remove: above && mayManage(me.role),
  };
}
