// Owns what the reasons of reports are called.
import m from '#messages/talk';
import type { ReportReason } from '../api/talk';

export const REPORT_REASONS: readonly { value: ReportReason; label: () => string }[] = [
  { value: 'spam', label: m.reasonSpam },
  { value: 'harassment', label: m.reasonHarassment },
  { value: 'hate', label: m.reasonHate },
  { value: 'violence', label: m.reasonViolence },
  { value: 'nudity', label: m.reasonNudity },
  { value: 'child_safety', label: m.reasonChildSafety },
  { value: 'self_harm', label: m.reasonSelfHarm },
  { value: 'impersonation', label: m.reasonImpersonation },
  { value: 'copyright', label: m.reasonCopyright },
  { value: 'other', label: m.reasonOther },
];

/** Returns what a reason is called; one of a newer server is something else. */
export const reasonLabel = (reason: string): string => (REPORT_REASONS.find(({ value }) => value === reason)?.label ?? m.reasonOther)();
