// Owns how cases and decisions are called, and which actions a moderator is offered.
import m from '#messages/console';
import { may } from '../access';
import type { ModerationAction, ModerationCase } from '../api/types';
import { kindName, reasonName } from '../reports/reportWords';

const ACTIONS: Readonly<Record<ModerationAction, () => string>> = {
  keep: m.actionKeep,
  warn: m.actionWarn,
  remove: m.actionRemove,
  limit: m.actionLimit,
  suspend: m.actionSuspend,
  ban: m.actionBan,
  screened: m.actionScreened,
  uphold: m.actionUphold,
  overturn: m.actionOverturn,
};

/** What cases are about, beside what reports of the site are about. */
const KINDS: Readonly<Record<string, () => string>> = {
  item: m.caseItem,
  message: m.caseMessage,
  invitation: m.caseInvitation,
  part: m.casePart,
  follow: m.caseFollow,
  display_name: m.caseName,
  bio: m.caseBio,
};

/** Returns what a kind of thing is called; one of a newer server has its own name. */
const thingName = (kind: string): string => (Object.hasOwn(KINDS, kind) ? (KINDS[kind]?.() ?? kind) : kindName(kind));

/** Returns what an action is called; one of a newer server has its own name. */
export const actionName = (action: string): string => (Object.hasOwn(ACTIONS, action) ? ACTIONS[action as ModerationAction]() : action);

/** What a case is called in a list and in a title. */
export function caseName({ kind, reason, is_held, is_appeal }: Pick<ModerationCase, 'kind' | 'reason' | 'is_held' | 'is_appeal'>): string {
  const name = is_held ? m.heldOf({ thing: thingName(kind) }) : m.reportOf({ thing: thingName(kind), why: reasonName(reason) });
  return is_appeal ? m.appealOf({ name }) : name;
}

/** Returns the actions that a reader with these roles is offered about a case, the mildest first. */
export function actionsFor({ kind, is_appeal }: Pick<ModerationCase, 'kind' | 'is_appeal'>, roles: readonly string[]): ModerationAction[] {
  if (is_appeal) return ['uphold', 'overturn'];
  const ofThing: ModerationAction[] = kind === 'account' ? [] : ['remove'];
  // Only operators ban.
  const ofOperators: ModerationAction[] = may(roles, 'change_roles') ? ['ban'] : [];
  return ['keep', 'warn', ...ofThing, 'limit', 'suspend', ...ofOperators];
}

/** Whether the member reads a statement about it, which it must have then. */
export const isAdverse = (action: ModerationAction): boolean => !['keep', 'uphold', 'overturn'].includes(action);

/** Whether it has an end. */
export const hasEnd = (action: ModerationAction): boolean => action === 'limit' || action === 'suspend';
