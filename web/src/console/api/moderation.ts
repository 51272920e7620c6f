// Owns the operations of the moderation queue, one function each.
import { api, done, page, read } from './client';
import type { ModerationAction, ModerationCase } from './types';

/** What a moderator decides about a case. */
export interface CaseDecision {
  action: ModerationAction;
  /** What the member reads. */
  statement: string;
  until: string | null;
  removes: boolean;
  blocksMedia: boolean;
  /** Why, for the audit trail. */
  reason: string;
  /** Other cases about which the same is decided. */
  also: string[];
}

export const listQueue = (state: ModerationCase['state'], after: string | null) =>
  read(api.GET('/v1/admin/moderation/queue', { params: { query: { state, ...page(after) } } }));

export const showCase = (id: string) => read(api.GET('/v1/admin/moderation/queue/{id}', { params: { path: { id } } }));

/** Lists open cases of the same account, or with a text that is alike. */
export const listLike = (id: string) => read(api.GET('/v1/admin/moderation/queue/{id}/like', { params: { path: { id } } }));

export const claimCase = (id: string) => read(api.POST('/v1/admin/moderation/queue/{id}/claim', { params: { path: { id } } }));

export const releaseCase = (id: string) => done(api.DELETE('/v1/admin/moderation/queue/{id}/claim', { params: { path: { id } } }));

export const decideCase = (id: string, { action, statement, until, removes, blocksMedia, reason, also }: CaseDecision) =>
  read(
    api.POST('/v1/admin/moderation/queue/{id}/decide', {
      params: { path: { id } },
      body: { action, statement, removes, blocks_media: blocksMedia, reason, also, ...(until === null ? {} : { until }) },
    }),
  );
