// Owns the names and descriptions of audiences and policies, in the order in which they are offered.
import m from '#messages/posts';
import type { Audience, Policy } from '../api/types';
import type { IconName } from '../ui/icons';

const AUDIENCES: readonly { value: Audience; label: () => string; detail: () => string; icon: IconName }[] = [
  { value: 'public', label: m.audiencePublic, detail: m.audiencePublicDetail, icon: 'globe' },
  { value: 'followers', label: m.audienceFollowers, detail: m.audienceFollowersDetail, icon: 'person' },
  { value: 'friends', label: m.audienceFriends, detail: m.audienceFriendsDetail, icon: 'people' },
  { value: 'close', label: m.audienceClose, detail: m.audienceCloseDetail, icon: 'heart' },
  { value: 'link', label: m.audienceLink, detail: m.audienceLinkDetail, icon: 'link' },
];
const POLICIES: readonly { value: Policy; label: () => string }[] = [
  { value: 'everyone', label: m.policyEveryone },
  { value: 'followers', label: m.policyFollowers },
  { value: 'friends', label: m.policyFriends },
  { value: 'approval', label: m.policyApproval },
  { value: 'nobody', label: m.policyNobody },
];

export interface AudienceOption {
  value: Audience;
  label: string;
  detail: string;
  icon: IconName;
}

export const audiences = (): AudienceOption[] => AUDIENCES.map(({ value, label, detail, icon }) => ({ value, label: label(), detail: detail(), icon }));
export const policies = (): { value: Policy; label: string }[] => POLICIES.map(({ value, label }) => ({ value, label: label() }));

export const audienceOption = (audience: Audience): AudienceOption => audiences().find(({ value }) => value === audience) ?? audiences()[0]!;

/** The kinds of acts that a policy is about, with their labels. */
export const ACTS = [
  { act: 'comment', label: m.whoComments },
  { act: 'repost', label: m.whoReposts },
  { act: 'join', label: m.whoJoins },
] as const;
