import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { challengeIn, solve, type WorkChallenge } from './proofOfWork';
import { sha256Hex } from './sha256';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

it('the hash is SHA-256 for texts of every length around its blocks', () => {
  for (let length = 0; length < 200; length++) {
    const text = 'tutti&0123456789'.repeat(13).slice(0, length);
    expect(sha256Hex(text)).toBe(sha256(text));
  }
});

it('a challenge is solved by its number, and one without a solution ends', () => {
  const salt = '1f6c0a9d3e5b7c81?expires=1780000000&level=1&route=sign_up&';
  const challenge: WorkChallenge = { algorithm: 'SHA-256', challenge: sha256(`${salt}777`), maxnumber: 1000, salt, signature: 's' };
  expect(JSON.parse(atob(solve(challenge) ?? ''))).toEqual({ algorithm: 'SHA-256', challenge: challenge.challenge, number: 777, salt, signature: 's' });
  expect(solve({ ...challenge, maxnumber: 776 })).toBe(null);
  expect(challengeIn({ challenge })).toBe(challenge);
  expect(challengeIn({})).toBe(null);
  expect(challengeIn({ challenge: { ...challenge, algorithm: 'SHA-512' } })).toBe(null);
});
