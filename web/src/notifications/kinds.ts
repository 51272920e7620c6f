// Owns what the page knows about kinds of notices: their names, whether people act in them, and which can be muted.
import m from '#messages/notifications';
import type { Notice, NoticeKind } from '../api/types';

interface Kind {
  label: () => string;
  /** Whether it says what people did, so that it can be wanted from some of them. */
  hasActors: boolean;
}

export const KINDS: Readonly<Record<NoticeKind, Kind>> = {
  followed: { label: m.kindFollowed, hasActors: true },
  follow_requested: { label: m.kindFollowRequested, hasActors: true },
  follow_accepted: { label: m.kindFollowAccepted, hasActors: true },
  reacted: { label: m.kindReacted, hasActors: true },
  commented: { label: m.kindCommented, hasActors: true },
  answered: { label: m.kindAnswered, hasActors: true },
  mentioned: { label: m.kindMentioned, hasActors: true },
  comment_pending: { label: m.kindCommentPending, hasActors: true },
  reposted: { label: m.kindReposted, hasActors: true },
  posted: { label: m.kindPosted, hasActors: true },
  part_added: { label: m.kindPartAdded, hasActors: true },
  part_pending: { label: m.kindPartPending, hasActors: true },
  part_approved: { label: m.kindPartApproved, hasActors: true },
  part_removed: { label: m.kindPartRemoved, hasActors: false },
  greeting_opened: { label: m.kindGreetingOpened, hasActors: false },
  media_ready: { label: m.kindMediaReady, hasActors: false },
  media_failed: { label: m.kindMediaFailed, hasActors: false },
  moderated: { label: m.kindModerated, hasActors: false },
  report_answered: { label: m.kindReportAnswered, hasActors: false },
  appeal_answered: { label: m.kindAppealAnswered, hasActors: false },
  reminder: { label: m.kindReminder, hasActors: false },
  announcement: { label: m.kindAnnouncement, hasActors: false },
  messaged: { label: m.kindMessaged, hasActors: true },
};

/** The kinds in the order of the preferences. One of a newer server has no name here. */
export const isKnownKind = (kind: string): kind is NoticeKind => Object.hasOwn(KINDS, kind);

/** Whether a notice is about a post or a thread, which can be muted. */
export const canMute = ({ subject, url }: Pick<Notice, 'subject' | 'url'>): boolean => subject !== null && /^\/[pt]\//.test(url);
