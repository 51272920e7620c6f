// Owns what decisions of moderators and the answers to appeals are called.
import m from '#messages/talk';
import type { OwnDecision } from '../api/types';

const ACTIONS: Readonly<Record<string, () => string>> = {
  warn: m.decidedWarn,
  remove: m.decidedRemove,
  limit: m.decidedLimit,
  suspend: m.decidedSuspend,
  ban: m.decidedBan,
  screened: m.decidedScreened,
};

/** Returns what a decision is called; one of a newer server is just a decision. */
export const decisionLabel = (action: string): string => (Object.hasOwn(ACTIONS, action) ? (ACTIONS[action] ?? m.decidedOther)() : m.decidedOther());

/** Returns how far an appeal is. */
export function appealLabel(state: NonNullable<OwnDecision['appeal']>['state']): string {
  return state === 'open' ? m.appealOpen() : state === 'overturned' ? m.appealOverturned() : m.appealUpheld();
}
