// Owns the operations of webhooks, one function each.
import { api, done, page, read } from './client';
import type { NewWebhook, WebhookChange, WebhookDelivery } from './types';

export const listWebhooks = (after: string | null) => read(api.GET('/v1/admin/webhooks', { params: { query: page(after) } }));

/** The response has the secret. No other one has it. */
export const createWebhook = (webhook: NewWebhook) => read(api.POST('/v1/admin/webhooks', { body: webhook }));

export const showWebhook = (id: string) => read(api.GET('/v1/admin/webhooks/{id}', { params: { path: { id } } }));

export const changeWebhook = (id: string, change: WebhookChange) => read(api.PATCH('/v1/admin/webhooks/{id}', { params: { path: { id } }, body: change }));

export const removeWebhook = (id: string) => done(api.DELETE('/v1/admin/webhooks/{id}', { params: { path: { id } } }));

/** Makes a new secret and returns it. The old one signs too for 24 hours. */
export const rotateSecret = async (id: string): Promise<string> => (await read(api.POST('/v1/admin/webhooks/{id}/secret', { params: { path: { id } } }))).secret;

export const testWebhook = (id: string) => done(api.POST('/v1/admin/webhooks/{id}/test', { params: { path: { id } } }));

/** A state that the server does not know is refused by it. */
export const listDeliveries = (id: string, query: { state?: string }, after: string | null) =>
  read(api.GET('/v1/admin/webhooks/{id}/deliveries', { params: { path: { id }, query: { ...(query as { state?: WebhookDelivery['state'] }), ...page(after) } } }));

export const redeliver = (id: string, delivery: string) => done(api.POST('/v1/admin/webhooks/{id}/deliveries/{delivery}/redeliver', { params: { path: { id, delivery } } }));

/** The types of events that a webhook can have. */
export const listEvents = () => read(api.GET('/v1/admin/webhook-events'));
