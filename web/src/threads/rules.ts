// Owns the names of the rules that say who may join a thread.
import m from '#messages/threads';
import type { ThreadRule } from '../api/types';

const RULES: readonly { value: ThreadRule; label: () => string }[] = [
  { value: 'open', label: m.ruleOpen },
  { value: 'followers', label: m.ruleFollowers },
  { value: 'friends', label: m.ruleFriends },
  { value: 'invited', label: m.ruleInvited },
  { value: 'approval', label: m.ruleApproval },
  { value: 'closed', label: m.ruleClosed },
];

export const rules = (): { value: ThreadRule; label: string }[] => RULES.map(({ value, label }) => ({ value, label: label() }));
export const ruleLabel = (rule: ThreadRule): string => RULES.find(({ value }) => value === rule)?.label() ?? rule;
