// Owns the operations about decisions of moderators against the member, one function each.
import { api, expectOk, readBody } from './client';
import type { OwnDecision } from './types';

/** The longest text of an appeal, in characters. */
export const MAX_APPEAL = 1_000;

const pageOf = (limit: number, after?: string): { limit: number; after?: string } => ({ limit, ...(after === undefined ? {} : { after }) });

/** A page of decisions, the newest first. */
export interface DecisionsPage {
  items: OwnDecision[];
  next?: string | null;
}

export const listDecisions = (limit: number, after?: string): Promise<DecisionsPage> => readBody(api.GET('/v1/me/decisions', { params: { query: pageOf(limit, after) } }));

export const getDecision = (id: string): Promise<OwnDecision> => readBody(api.GET('/v1/me/decisions/{id}', { params: { path: { id } } }));

/** Appeals a decision, which is possible once. */
export const appeal = (verdict: string, text: string): Promise<void> => expectOk(api.POST('/v1/appeals', { body: { verdict, text } }));
