// Owns the states of webhooks and of their deliveries, what they are called, and the fields of a webhook's form.
import m from '#messages/console';
import type { ProblemFields } from '../../ui/fieldErrors';
import type { DeliveryAttempt, WebhookDelivery } from '../api/types';

type DeliveryState = WebhookDelivery['state'];

const NAMES: Readonly<Record<DeliveryState, () => string>> = { waiting: m.waiting, delivered: m.delivered, failed: m.failed };

export const DELIVERY_STATES = Object.keys(NAMES) as DeliveryState[];

/** Returns what a state of a delivery is called; of one that a newer server has, its own name. */
export const deliveryStateName = (state: string): string => (Object.hasOwn(NAMES, state) ? NAMES[state as DeliveryState]() : state);

/** Whether a state is good, bad, or neither. */
export const isDeliveryWell = (state: string): boolean | null => (state === 'failed' ? false : state === 'delivered' ? true : null);

const DISABLED_BECAUSE: Readonly<Record<string, () => string>> = { operator: m.byOperator, gone: m.receiverGone, failing: m.receiverFailing, backlog: m.receiverBacklog };

/** Returns why a webhook is disabled; a reason that a newer server has, as it is. */
export const disabledBecause = (reason: string): string => (Object.hasOwn(DISABLED_BECAUSE, reason) ? (DISABLED_BECAUSE[reason]?.() ?? reason) : reason);

/** Which field each sentence of the server is about. */
export const WEBHOOK_FIELDS: ProblemFields = {
  'webhooks.invalid_url': [{ field: 'url' }],
  'webhooks.invalid': [{ field: 'description', property: 'The description' }],
};

/** Whether the receiver took what was sent: any status of 2xx. */
export const isAttemptWell = ({ status }: DeliveryAttempt): boolean => status !== null && status >= 200 && status < 300;

/** Returns what came of an attempt: the status, else why there was none. */
export const attemptText = ({ status, error }: DeliveryAttempt): string => [status === null ? null : String(status), error].filter((text) => text !== null && text !== '').join(' · ') || m.noResponse();
