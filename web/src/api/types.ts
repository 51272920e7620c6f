// Owns the short names of the API's types. The types themselves are in schema.d.ts, which is generated.
import type { components, paths } from './schema';

type Schemas = components['schemas'];

export type Media = Schemas['Media'];
export type Album = Schemas['Album'];
export type Download = Schemas['Download'];
export type Account = Schemas['Account'];
export type ProfileKind = Schemas['ProfileKind'];
export type Storage = Schemas['Storage'];
export type ShareLink = Schemas['ShareLink'];
export type SharedMedia = Schemas['SharedMedia'];
export type SignedIn = Schemas['SignedIn'];
export type SessionView = Schemas['Session'];
export type SignInRecord = Schemas['SignInRecord'];
export type Factor = Schemas['Factor'];
export type Factors = Schemas['Factors'];
export type FactorSetup = Schemas['FactorSetup'];
export type ApiKey = Schemas['ApiKey'];
/** An archive with a member's data. */
export type DataExport = paths['/v1/me/exports/{id}']['get']['responses'][200]['content']['application/json'];
/** A second factor, as a request has it. */
export type FactorProof = Schemas['FactorAnswer'];
/** The body of a response in JSON. */
type BodyOf<Path extends keyof paths, Method extends keyof paths[Path], Status extends number> =
  paths[Path][Method] extends { responses: Record<Status, { content: { 'application/json': infer Body } }> } ? Body : never;
export type Post = BodyOf<'/v1/posts/{id}', 'get', 200>;
export type Person = Post['author'];
export type PostMedia = Post['media'][number];
export type Song = NonNullable<Post['song']>;
export type ReactionKind = NonNullable<Post['mine']['reaction']>;
export type Comment = BodyOf<'/v1/posts/{id}/comments', 'get', 200>['items'][number];
export type Repost = BodyOf<'/v1/posts/{id}/reposts', 'get', 200>['items'][number];
export type OwnDecision = BodyOf<'/v1/me/decisions', 'get', 200>['items'][number];
export type Removal = BodyOf<'/v1/me/removals', 'get', 200>['items'][number];
export type Thread = BodyOf<'/v1/threads/{id}', 'get', 200>;
export type ThreadRule = Thread['rule'];
export type ThreadPart = BodyOf<'/v1/threads/{id}/parts', 'get', 200>['items'][number];
export type Greeting = BodyOf<'/v1/greetings/{greeting}', 'get', 200>;
export type NoticeList = BodyOf<'/v1/notifications', 'get', 200>;
export type Notice = NoticeList['items'][number];
export type NoticeKind = Notice['kind'];
export type NoticeCounts = BodyOf<'/v1/notifications/read', 'post', 200>;
/** What a member wants to hear of, each kind with what counts for it. */
export type NotificationPreferences = BodyOf<'/v1/notifications/preferences', 'get', 200>;
export type NotificationPreference = NotificationPreferences['kinds'][string];
export type Reminder = BodyOf<'/v1/reminders', 'get', 200>['items'][number];
export type Conversation = BodyOf<'/v1/conversations', 'get', 200>['items'][number];
export type ConversationMember = Conversation['members'][number];
export type ChatMessage = BodyOf<'/v1/messages/{id}', 'get', 200>;
export type ChatVerdict = NonNullable<ChatMessage['verdict']>;
export type SentMessage = BodyOf<'/v1/conversations/{id}/messages', 'post', 201>;
/** Changes of a conversation, without a gap. */
export type ChatChanges = BodyOf<'/v1/conversations/{id}/changes', 'get', 200>;
export type ChatChange = ChatChanges['changes'][number];
export type ChatSettings = BodyOf<'/v1/chat/settings', 'get', 200>;
export type Audience = Post['audience'];
export type Policies = Post['policies'];
export type Policy = NonNullable<Policies['comment']>;
export type Kind = Media['kind'];
export type State = Media['state'];
export type Visibility = Media['visibility'];

/** Whether conversion has ended, successfully or not. */
export const isSettled = (media: Media): boolean => media.state === 'ready' || media.state === 'failed';

/** Whether the item can be shown or played. */
export const isViewable = (media: Media): boolean => media.state === 'ready' || media.state === 'playable';
