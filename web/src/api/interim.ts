// Owns the types of operations that docs/openapi.json does not have yet: exports of a member's data. Whoever regenerates
// schema.d.ts with them deletes this file; nothing imports it.
import type {} from './schema';

interface DataExport {
  id: string;
  state: 'building' | 'ready' | 'failed' | 'expired';
  created_at: string;
  ready_at: string | null;
  expires_at: string | null;
  bytes: number | null;
  /** A signed URL of the archive. */
  url: string | null;
  error: string | null;
}

interface Operation<Status extends number, Body> {
  parameters: { query?: never; header?: never; path?: never; cookie?: never };
  requestBody?: never;
  responses: Record<Status, { headers: Record<string, unknown>; content: { 'application/json': Body } }>;
}

interface Path<Get, Post> {
  parameters: { query?: never; header?: never; path?: never; cookie?: never };
  get: Get;
  put?: never;
  post: Post;
  delete?: never;
  options?: never;
  head?: never;
  patch?: never;
  trace?: never;
}

declare module './schema' {
  interface paths {
    '/v1/me/export': Path<never, Operation<202, DataExport>>;
    '/v1/me/exports': Path<Operation<200, { items: DataExport[]; next?: string | null }>, never>;
    '/v1/me/exports/{id}': Path<Omit<Operation<200, DataExport>, 'parameters'> & { parameters: { query?: never; header?: never; path: { id: string }; cookie?: never } }, never>;
  }
}
