// Proves that the console offers what the server allows, and nothing else.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isOperators, isRevocable, isWithinRole, may, mayDecideAbout, OPERATIONS, type Operation } from './access';

const DOCUMENT = '../docs/operators-openapi.json';

const allowed = (...roles: string[]): string[] => (Object.keys(OPERATIONS) as Operation[]).filter((operation) => may(roles, operation)).sort();

it('each role is offered its operations only', () => {
  expect(allowed('member')).toEqual([]);
  expect(allowed('member', 'curator', 'king')).toEqual([]);
  expect(allowed('viewer')).toEqual(['list_configuration', 'list_processes', 'search_accounts', 'show_account_to_operator']);
  expect(allowed('developer')).toEqual([
    'list_configuration', 'list_dead_letters', 'list_flags', 'list_job_runs', 'list_jobs', 'list_logs', 'list_mails', 'list_processes', 'pause_job', 'redeliver_dead_letter', 'redeliver_mail',
    'resume_job', 'run_job', 'search_accounts', 'set_flag', 'show_account_to_operator',
  ]);
  expect(allowed('moderator')).toEqual([
    'claim_moderation_case', 'decide_moderation_case', 'decide_report', 'list_cases_like', 'list_configuration', 'list_listed_pictures', 'list_media_of_member', 'list_moderation_queue', 'list_processes', 'list_reports', 'list_sanctions',
    'mark_media', 'release_moderation_case', 'restore_account', 'retry_media', 'search_accounts', 'show_account_to_operator', 'show_media_to_operator', 'show_moderation_case', 'show_report', 'suspend_account',
  ]);
  expect(allowed('operator')).toEqual(Object.keys(OPERATIONS).sort());
  expect([['member'], ['curator'], ['member', 'viewer'], ['operator']].map(isOperators)).toEqual([false, false, true, true]);
});

describe.runIf(existsSync(DOCUMENT))('the OpenAPI document of the operators’ listener', () => {
  it('requires the same of every operation that the console uses', () => {
    const { paths } = JSON.parse(readFileSync(DOCUMENT, 'utf8')) as { paths: Record<string, Record<string, { operationId?: string; 'x-admin-role'?: string }>> };
    const documented = new Map(Object.values(paths).flatMap((item) => Object.values(item).map((operation) => [operation.operationId, operation['x-admin-role']])));
    const used = Object.keys(OPERATIONS);
    expect(Object.fromEntries(used.map((id) => [id, documented.get(id)]))).toEqual(OPERATIONS);
  });
});

it('no operator gives up their own role, and `member` stays', () => {
  expect(isRevocable('operator', true)).toBe(false);
  expect(isRevocable('operator', false)).toBe(true);
  expect(isRevocable('moderator', true)).toBe(true);
  expect(isRevocable('member', false)).toBe(false);
});

it('a moderator decides about members, for a week; an operator about everybody else', () => {
  const [member, staff] = [{ roles: ['member', 'curator'] }, { roles: ['member', 'viewer'] }];
  expect(mayDecideAbout(['moderator'], member, false)).toBe(true);
  expect(mayDecideAbout(['moderator'], staff, false)).toBe(false);
  expect(mayDecideAbout(['operator'], staff, false)).toBe(true);
  expect(mayDecideAbout(['operator'], staff, true)).toBe(false);
  expect(mayDecideAbout(['developer'], member, false)).toBe(false);
  const now = Date.parse('2026-05-17T09:30:00Z');
  const cases = [
    { state: 'suspended', until: '2026-05-24T09:30:00Z' },
    { state: 'suspended', until: '2026-05-24T09:30:01Z' },
    { state: 'limited', until: null },
    { state: 'banned', until: null },
  ];
  expect(cases.map((sanction) => isWithinRole(['member', 'moderator'], sanction, now))).toEqual([true, false, false, false]);
  expect(cases.every((sanction) => isWithinRole(['operator'], sanction, now))).toBe(true);
});
