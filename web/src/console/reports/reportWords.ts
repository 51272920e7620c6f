// Owns how reports are found by and shown to operators: what can be searched for, and what kinds, reasons and states are called.
import m from '#messages/console';
import type { ReportQuery } from '../api/reports';
import type { Report } from '../api/types';
import { withoutEmpty, type Filter } from '../filterUrl';

const KINDS: Readonly<Record<Report['kind'], () => string>> = { post: m.reportedPost, comment: m.reportedComment, account: m.reportedAccount };

const REASONS: Readonly<Record<Report['reason'], () => string>> = {
  spam: m.whySpam,
  harassment: m.whyHarassment,
  hate: m.whyHate,
  violence: m.whyViolence,
  nudity: m.whyNudity,
  child_safety: m.whyChildSafety,
  self_harm: m.whySelfHarm,
  impersonation: m.whyImpersonation,
  copyright: m.whyCopyright,
  other: m.whyOther,
};

/** Returns a word of a table; of what a newer server has, its own name. */
const wordIn = (names: Readonly<Record<string, () => string>>, name: string): string => (Object.hasOwn(names, name) ? (names[name]?.() ?? name) : name);

export const REPORT_KINDS = Object.keys(KINDS) as Report['kind'][];
export const kindName = (kind: string): string => wordIn(KINDS, kind);
export const reasonName = (reason: string): string => wordIn(REASONS, reason);

/** What a report is called in a list and in a title. */
export const reportName = ({ kind, reason }: Pick<Report, 'kind' | 'reason'>): string => m.reportOf({ thing: kindName(kind), why: reasonName(reason) });

/** Returns how far a report is: what was decided, if anything was. */
export function standing({ state, decision }: Pick<Report, 'state' | 'decision'>): string {
  if (state === 'open') return m.reportOpen();
  return decision === 'remove' ? m.reportedRemoved() : decision === 'keep' ? m.reportedKept() : m.reportClosed();
}

/** Returns the query of the server: without a state it lists what is open. */
export const reportQuery = ({ state, kind }: Filter<'state' | 'kind'>): ReportQuery => withoutEmpty({ state, kind });
