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
export type ConfigurationValue = Schemas['Setting'];
export type DeliveryAttempt = WebhookDelivery['attempts'][number];
export type FleetProcess = Schemas['Process'];
export type Flag = Schemas['Flag'];
export type LogLine = Schemas['LogLine'];
export type Mail = Schemas['AdminMail'];
export type MailContent = Schemas['AdminMailContent'];
export type MemberMedia = Schemas['AdminMedia'];
export type MemberMediaDetail = Schemas['AdminMediaDetail'];
export type CaseOutcome = Schemas['CaseOutcome'];
export type ModerationAction = Schemas['ModerationAction'];
export type ModerationCase = Schemas['ModerationCase'];
export type ModerationCaseDetail = Schemas['ModerationCaseDetail'];
export type NewWebhook = Required<Schemas['NewWebhook']>;
export type NewTeamApiKey = Schemas['NewTeamKey'];
export type RecordedRun = Schemas['JobHistoryEntry'];
export type Report = Schemas['Report'];
export type ReportDecision = Schemas['ReportDecision'];
export type ReportDetail = Schemas['ReportDetail'];
export type TimedJob = Schemas['TimedJob'];
export type TeamApiKey = Schemas['TeamKey'];
export type Webhook = Schemas['Webhook'];
export type WebhookChange = Schemas['EditWebhook'];
export type WebhookDelivery = Schemas['WebhookDelivery'];
export type WebhookEvent = Schemas['WebhookEvent'];
