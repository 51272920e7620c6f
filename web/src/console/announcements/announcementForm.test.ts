// Proves what a form of an announcement says to the server.
import { expect, it } from 'vitest';
import { announcementOf, announcementState, canCancel, type AnnouncementFields } from './announcementForm';

const EMPTY: AnnouncementFields = { texts: {}, isPromotion: false, role: '', language: '', url: '', starts: '', ends: '' };

it('leaves out what is empty', () => {
  const texts = { en: ' Hello ', fr: ' ' };
  expect(announcementOf({ ...EMPTY, texts })).toEqual({ category: 'service', texts: { en: 'Hello' }, role: null, language: null, url: null, starts_at: null, ends_at: null });
  const { category, role, starts_at } = announcementOf({ ...EMPTY, texts, isPromotion: true, role: 'curator', starts: '2027-01-01T09:00' });
  expect([category, role, starts_at]).toEqual(['promotion', 'curator', new Date('2027-01-01T09:00').toISOString()]);
});

it('names every state, and only what is to come or is shown can be cancelled', () => {
  expect(['live', 'eaten'].map(announcementState)).toEqual(['Shown', 'eaten']);
  expect(['scheduled', 'live', 'over', 'cancelled'].map((state) => canCancel({ state }))).toEqual([true, true, false, false]);
});
