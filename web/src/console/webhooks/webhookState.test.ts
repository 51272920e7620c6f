// Proves how the attempts of a delivery are judged and written.
import { expect, it } from 'vitest';
import type { DeliveryAttempt } from '../api/types';
import { attemptText, deliveryStateName, disabledBecause, isAttemptWell, isDeliveryWell } from './webhookState';

const attempt = (status: number | null, error: string | null = null): DeliveryAttempt => ({ at: '2026-05-17T09:00:00Z', status, error, response: null, milliseconds: 12 });

it('only a status of 2xx is good', () => {
  expect([attempt(200), attempt(204), attempt(301), attempt(500), attempt(null, 'timed out')].map(isAttemptWell)).toEqual([true, true, false, false, false]);
  expect([attempt(204), attempt(500, 'too long'), attempt(null, 'timed out'), attempt(null)].map(attemptText)).toEqual(['204', '500 · too long', 'timed out', 'No response']);
});

it('a delivery that waits is neither good nor bad, and an unknown state has its own name', () => {
  expect(['waiting', 'delivered', 'failed', 'paused'].map(isDeliveryWell)).toEqual([null, true, false, null]);
  expect(['delivered', 'paused'].map(deliveryStateName)).toEqual(['Delivered', 'paused']);
  expect(['gone', 'constructor'].map(disabledBecause)).toEqual(['The receiver says that it is gone (410).', 'constructor']);
});
