// Owns what the reader's roles allow: the same table as the server's (platform/http/src/operators/role.rs), and what each
// operation requires, as its `x-admin-role` says. Decides only what is offered; the server checks every request.
// Invariant: what is not in the tables is not offered.

/** What an operation requires. */
export type Requirement = 'viewer' | 'developer' | 'moderator' | 'operator';

/** The roles of an account that fulfil each requirement. */
const HOLDERS: Readonly<Record<Requirement, readonly string[]>> = {
  viewer: ['viewer', 'developer', 'moderator', 'operator'],
  developer: ['developer', 'operator'],
  moderator: ['moderator', 'operator'],
  operator: ['operator'],
};

/** The operations that the console uses, and what each requires. access.test.ts compares it with the OpenAPI document. */
export const OPERATIONS = {
  search_accounts: 'viewer',
  show_account_to_operator: 'viewer',
  change_roles: 'operator',
  list_sanctions: 'moderator',
  suspend_account: 'moderator',
  restore_account: 'moderator',
  list_audit: 'operator',
  list_jobs: 'developer',
  list_dead_letters: 'developer',
  redeliver_dead_letter: 'developer',
  list_mails: 'developer',
  show_mail: 'operator',
  redeliver_mail: 'developer',
  list_media_of_member: 'moderator',
  show_media_to_operator: 'moderator',
  retry_media: 'moderator',
  mark_media: 'moderator',
  list_listed_pictures: 'moderator',
  import_listed_pictures: 'operator',
  remove_listed_picture: 'operator',
  list_reports: 'moderator',
  show_report: 'moderator',
  decide_report: 'moderator',
  list_moderation_queue: 'moderator',
  show_moderation_case: 'moderator',
  list_cases_like: 'moderator',
  claim_moderation_case: 'moderator',
  release_moderation_case: 'moderator',
  decide_moderation_case: 'moderator',
  list_job_runs: 'developer',
  run_job: 'developer',
  pause_job: 'developer',
  resume_job: 'developer',
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
  list_announcements: 'operator',
  create_announcement: 'operator',
  cancel_announcement: 'operator',
  list_team_keys: 'operator',
  create_team_key: 'operator',
  revoke_team_key: 'operator',
} as const satisfies Record<string, Requirement>;

export type Operation = keyof typeof OPERATIONS;

/** The roles that can be given, in the order in which they are offered. */
export const GIVEN_ROLES = ['viewer', 'developer', 'moderator', 'operator', 'curator'] as const;
export type GivenRole = (typeof GIVEN_ROLES)[number];

/** Whether an account with these roles may use an operation. */
export const may = (roles: readonly string[], operation: Operation): boolean => roles.some((role) => HOLDERS[OPERATIONS[operation]].includes(role));

/** Whether an account with these roles may use anything here. */
export const isOperators = (roles: readonly string[]): boolean => roles.some((role) => HOLDERS.viewer.includes(role));

/** Whether the reader may take this role from an account. `member` stays, and no operator takes the role of operators from themselves. */
export const isRevocable = (role: string, isOwn: boolean): boolean => role !== 'member' && !(isOwn && role === 'operator');

/** Whether the reader may limit, suspend, ban or restore an account: not their own, and of staff only an operator. */
export function mayDecideAbout(readerRoles: readonly string[], account: { roles: readonly string[] }, isOwn: boolean): boolean {
  if (isOwn || !may(readerRoles, 'suspend_account')) return false;
  return may(readerRoles, 'change_roles') || !isOperators(account.roles);
}

const DAY_MS = 86_400_000;
/** The longest time for which a moderator limits or suspends an account. */
export const MODERATOR_MAX_DAYS = 7;

/** Whether the reader may impose or lift a sanction with this end: a moderator only a short one, and no ban. */
export function isWithinRole(readerRoles: readonly string[], sanction: { state: string; until: string | null }, now: number): boolean {
  if (readerRoles.includes('operator')) return true;
  return sanction.state !== 'banned' && sanction.until !== null && Date.parse(sanction.until) <= now + MODERATOR_MAX_DAYS * DAY_MS;
}
