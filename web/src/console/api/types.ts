// Owns the short names of the operators' types. The types themselves are in schema.d.ts, which is generated.
import type { components } from './schema';

type Schemas = components['schemas'];

export type AccountState = Schemas['AccountState'];
export type AdminAccount = Schemas['AdminAccount'];
export type AdminAccountDetail = Schemas['AdminAccountDetail'];
export type AdminSession = Schemas['AdminSession'];
export type AuditEntry = Schemas['AuditEntry'];
export type DeadLetter = Schemas['DeadLetterView'];
export type JobRun = Schemas['JobRun'];
export type RoleJobs = Schemas['RoleJobs'];
export type Sanction = Schemas['Sanction'];
export type {
  ConfigurationValue, DeliveryAttempt, FleetProcess, Flag, LogLine, Mail, MailContent, MemberMedia, MemberMediaDetail, NewTeamApiKey, RecordedRun, TeamApiKey, Webhook, WebhookChange,
  WebhookDelivery, WebhookEvent,
} from './interim';
