// Owns the operations of pushes to this browser, one function each.
import { api, expectOk, readBody } from './client';
import type { NotificationPreferences } from './types';

/** The language of what a device shows; `null` for that of the member's preferences. */
export type DeviceLanguage = NotificationPreferences['language'];

/** Where pushes to a browser go, as `PushSubscription.toJSON()` has it. */
export interface BrowserSubscription {
  endpoint: string;
  keys: { p256dh: string; auth: string };
}

/** Returns the key that this browser subscribes with; `null` if the installation pushes nothing to browsers. */
export const getKey = async (): Promise<string | null> => (await readBody(api.GET('/v1/push/key'))).public_key;

/** Registers this browser, or renews that. Returns the device's id. */
export const register = async (subscription: BrowserSubscription, language: DeviceLanguage): Promise<string> =>
  (await readBody(api.POST('/v1/devices', { body: { kind: 'webpush', subscription, language } }))).id;

export const remove = (id: string): Promise<void> => expectOk(api.DELETE('/v1/devices/{id}', { params: { path: { id } } }));

/** Says whether this browser shows the page: while it does, nothing is pushed to it. That it is hidden is sent also if it closes then. */
export const setForeground = (id: string, foreground: boolean): Promise<void> =>
  expectOk(api.POST('/v1/devices/{id}/foreground', { params: { path: { id } }, body: { foreground }, keepalive: !foreground }));
