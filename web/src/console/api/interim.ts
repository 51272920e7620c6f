// Owns the shapes of the operations that the generated schema.d.ts does not have yet, and what each requires. Once it has
// them, this file goes: `client.ts` uses the generated `paths`, `types.ts` the generated shapes, `access.ts` their ids.
import type { Requirement } from '../access';

/** access.test.ts compares those that the document has. */
export const INTERIM_OPERATIONS = {
  list_mails: 'developer',
  show_mail: 'operator',
  redeliver_mail: 'developer',
  list_media_of_member: 'moderator',
  show_media_to_operator: 'moderator',
  retry_media: 'developer',
  list_job_runs: 'developer',
  list_processes: 'viewer',
  list_configuration: 'viewer',
  list_logs: 'developer',
  list_flags: 'developer',
  set_flag: 'developer',
  list_webhooks: 'operator',
  create_webhook: 'operator',
  show_webhook: 'operator',
  edit_webhook: 'operator',
  remove_webhook: 'operator',
  rotate_webhook_secret: 'operator',
  test_webhook: 'operator',
  list_webhook_deliveries: 'operator',
  redeliver_webhook_delivery: 'operator',
  list_webhook_events: 'operator',
  list_team_keys: 'operator',
  create_team_key: 'operator',
  revoke_team_key: 'operator',
} as const satisfies Record<string, Requirement>;

export interface Mail {
  /** Has a dot: the role, and a number. */
  id: string;
  template: string;
  locale: string;
  to: string;
  subject: string;
  state: 'waiting' | 'sent' | 'dead';
  attempts: number;
  last_error: string | null;
  created_at: string;
  next_attempt_at: string | null;
  sent_at: string | null;
  died_at: string | null;
  /** It is dead, and its content is still kept. */
  can_redeliver: boolean;
  /** The id of the account that it is about. */
  account: string | null;
}

/** `text` and `html` are null if they are no longer kept. */
export interface MailContent extends Mail {
  text: string | null;
  html: string | null;
}

export interface MemberMedia {
  id: string;
  /** The id of the account. */
  owner: string;
  kind: 'photo' | 'audio' | 'video';
  title: string;
  state: 'received' | 'processing' | 'playable' | 'ready' | 'failed';
  visibility: 'private' | 'unlisted' | 'public';
  in_trash: boolean;
  bytes: number;
  created_at: string;
  updated_at: string;
  error: { code: string; detail: string } | null;
  attempts: number;
  poster_url: string | null;
}

/** The records have the fields that the role `transcode` knows; null if it does not respond, or does not know the item. */
export interface MemberMediaDetail extends MemberMedia {
  tasks: object[] | null;
  renditions: object[] | null;
}

export interface RecordedRun {
  slot: string;
  state: 'running' | 'done' | 'failed' | 'abandoned';
  attempts: number;
  started_at: string | null;
  finished_at: string | null;
  error: string | null;
  process: string | null;
}

export interface FleetProcess {
  /** New with each start; null if it is unreachable. */
  id: string | null;
  roles: string[];
  version: string | null;
  started_at: string | null;
  address: string;
  ready: boolean;
  checks: { name: string; ok: boolean; detail: string | null; required: boolean }[];
  load: object | null;
  unreachable: boolean;
}

export interface ConfigurationValue {
  key: string;
  value: string | null;
  /** Whether it is a secret, or a part of it is one that was left out. */
  hidden: boolean;
  source: 'default' | 'file' | 'environment' | 'command line';
  description: string;
  process: string;
}

export interface LogLine {
  at: string;
  level: 'error' | 'warn' | 'info';
  process: string;
  target: string;
  message: string;
  fields: Record<string, string>;
}

export interface Flag {
  name: string;
  on: boolean;
  description: string;
  changed_at: string | null;
  changed_by: string | null;
}

export interface DeliveryAttempt {
  at: string;
  status: number | null;
  error: string | null;
  /** The beginning of the body. */
  response: string | null;
  milliseconds: number;
}

export interface WebhookDelivery {
  id: string;
  event_type: string;
  event_id: string;
  state: 'waiting' | 'delivered' | 'failed';
  attempts: DeliveryAttempt[];
  created_at: string;
  next_attempt_at: string | null;
}

export interface Webhook {
  id: string;
  url: string;
  events: string[];
  description: string;
  state: 'active' | 'disabled';
  /** In the response that makes it only. */
  secret?: string | null;
  created_at: string;
  disabled_at: string | null;
  disabled_reason: string | null;
  last_delivery: WebhookDelivery | null;
}

export interface WebhookChange {
  url?: string;
  events?: string[];
  description?: string;
  state?: Webhook['state'];
}

export interface WebhookEvent {
  type: string;
  description: string;
}

export interface TeamApiKey {
  id: string;
  name: string;
  scopes: string[];
  /** The id of the operator's account; null if it is erased. */
  created_by: string | null;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  /** The secret, in the response that makes it only. */
  key?: string | null;
}

export interface NewTeamApiKey {
  name: string;
  scopes: string[];
  expires_at: string;
  reason: string;
}

interface ListOf<T> {
  items: T[];
  next?: string | null;
  /** The roles that did not respond, whose items are missing. */
  degraded?: string[];
}

type Paging = { limit?: number; after?: string };
type Parameters<Path, Query> = { header?: never; cookie?: never } & ([Query] extends [never] ? { query?: never } : { query?: Query }) & ([Path] extends [never] ? { path?: never } : { path: Path });
type Sends<Body> = [Body] extends [never] ? { requestBody?: never } : { requestBody: { content: { 'application/json': Body } } };

/** An operation as openapi-typescript writes it. */
type Operation<Ok, Path = never, Query = never, Body = never> = { parameters: Parameters<Path, Query>; responses: { 200: { headers: Record<string, unknown>; content: { 'application/json': Ok } } } } & Sends<Body>;

type ById = { id: string };
type Reason = { reason: string };

export interface InterimPaths {
  '/v1/admin/mails': { get: Operation<ListOf<Mail>, never, Paging & { state?: Mail['state']; account?: string }> };
  '/v1/admin/mails/{id}': { get: Operation<MailContent, ById> };
  '/v1/admin/mails/{id}/redeliver': { post: Operation<Mail, ById, never, Reason> };
  '/v1/admin/media': { get: Operation<ListOf<MemberMedia>, never, Paging & { owner?: string; state?: MemberMedia['state'] }> };
  '/v1/admin/media/{id}': { get: Operation<MemberMediaDetail, ById> };
  '/v1/admin/media/{id}/retry': { post: Operation<unknown, ById, never, Reason> };
  '/v1/admin/jobs/{service}/{job}/runs': { get: Operation<ListOf<RecordedRun>, { service: string; job: string }, Paging> };
  '/v1/admin/processes': { get: Operation<ListOf<FleetProcess>, never, Paging> };
  '/v1/admin/configuration': { get: Operation<ListOf<ConfigurationValue>, never, Paging & { process?: string }> };
  '/v1/admin/logs': { get: Operation<ListOf<LogLine>, never, Paging & { level?: LogLine['level']; process?: string; role?: string; contains?: string }> };
  '/v1/admin/flags': { get: Operation<ListOf<Flag>, never, Paging> };
  '/v1/admin/flags/{name}': { put: Operation<Flag, { name: string }, never, Reason & { on: boolean }> };
  '/v1/admin/webhook-events': { get: Operation<ListOf<WebhookEvent>, never, Paging> };
  '/v1/admin/webhooks': { get: Operation<ListOf<Webhook>, never, Paging>; post: Operation<Webhook, never, never, Required<Omit<WebhookChange, 'state'>>> };
  '/v1/admin/webhooks/{id}': { get: Operation<Webhook, ById>; patch: Operation<Webhook, ById, never, WebhookChange>; delete: Operation<unknown, ById> };
  '/v1/admin/webhooks/{id}/secret': { post: Operation<{ secret: string; previous_valid_until: string }, ById> };
  '/v1/admin/webhooks/{id}/test': { post: Operation<unknown, ById> };
  '/v1/admin/webhooks/{id}/deliveries': { get: Operation<ListOf<WebhookDelivery>, ById, Paging & { state?: WebhookDelivery['state'] }> };
  '/v1/admin/webhooks/{id}/deliveries/{delivery}/redeliver': { post: Operation<unknown, { id: string; delivery: string }> };
  '/v1/admin/api-keys': { get: Operation<ListOf<TeamApiKey>, never, Paging>; post: Operation<TeamApiKey, never, never, NewTeamApiKey> };
  '/v1/admin/api-keys/{id}': { delete: Operation<unknown, ById, never, Reason> };
}
