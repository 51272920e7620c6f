// Owns the route table: which page each path shows, its title, and what a visitor sees instead. A page is loaded with its
// first visit. Does not own how paths are matched (router/match.ts) or pages are shown (layout/PageOutlet.svelte).
// Invariant: only this file names the pages, so a feature that is not visited is not loaded; public/routes.json has the
// same patterns, from which the server knows which paths are pages.
import type { Component } from 'svelte';
import account from '#messages/account';
import apiKeys from '#messages/apiKeys';
import chat from '#messages/chat';
import feeds from '#messages/feeds';
import greetings from '#messages/greetings';
import layout from '#messages/layout';
import library from '#messages/library';
import notifications from '#messages/notifications';
import people from '#messages/people';
import posts from '#messages/posts';
import talk from '#messages/talk';
import threads from '#messages/threads';
import { matchPatterns } from './router/match';

export type RouteName = 'library' | 'media' | 'embed' | 'shared' | 'albums' | 'album' | 'member' | 'followers' | 'following' | 'follow-requests' | 'compose' | 'post' | 'feed' | 'explore' | 'tag' | 'place' | 'song' | 'saved' | 'pending-comments' | 'new-thread' | 'thread' | 'greetings' | 'greeting' | 'notifications' | 'reminders' | 'messages' | 'message-requests' | 'new-conversation' | 'join-conversation' | 'group' | 'conversation' | 'unsubscribe' | 'trash' | 'settings' | 'notification-settings' | 'api-keys' | 'own-lists' | 'sign-in' | 'join' | 'forgot' | 'reset' | 'confirm' | 'appeals' | 'welcome' | 'not-found';

export interface RouteDefinition {
  /** `:name` matches one segment and becomes a prop of the page. `null`: shown only in place of another route. */
  pattern: string | null;
  /** `null`: the page sets the title from the data that it fetches. */
  title: (() => string) | null;
  load: () => Promise<{ default: Component<any> }>;
  /** The route that a visitor without a session sees instead; without it the page needs no session. */
  signedOut?: RouteName;
}

export interface Route {
  name: RouteName;
  params: Record<string, string>;
}

export const ROUTES: Readonly<Record<RouteName, RouteDefinition>> = {
  library: { pattern: '/', title: library.title, load: () => import('./library/LibraryPage.svelte'), signedOut: 'welcome' },
  media: { pattern: '/m/:id', title: null, load: () => import('./media/MediaPage.svelte') },
  // A frame of another site: App.svelte shows it without the header, and without a session.
  embed: { pattern: '/embed/:id', title: null, load: () => import('./media/EmbedPage.svelte') },
  shared: { pattern: '/s/:token', title: null, load: () => import('./media/SharedPage.svelte') },
  albums: { pattern: '/albums', title: layout.albums, load: () => import('./albums/AlbumsPage.svelte'), signedOut: 'sign-in' },
  album: { pattern: '/albums/:id', title: null, load: () => import('./albums/AlbumPage.svelte') },
  member: { pattern: '/u/:handle', title: null, load: () => import('./account/MemberPage.svelte') },
  followers: { pattern: '/u/:handle/followers', title: null, load: () => import('./people/FollowersPage.svelte') },
  following: { pattern: '/u/:handle/following', title: null, load: () => import('./people/FollowingPage.svelte') },
  'follow-requests': { pattern: '/follow-requests', title: people.requestsTitle, load: () => import('./people/FollowRequestsPage.svelte'), signedOut: 'sign-in' },
  compose: { pattern: '/compose', title: posts.composeTitle, load: () => import('./posts/ComposePage.svelte'), signedOut: 'sign-in' },
  post: { pattern: '/p/:id', title: null, load: () => import('./posts/PostPage.svelte') },
  // Not at `/`: a member's library is theirs alone and always has something to do, the feed depends on others (README.md).
  feed: { pattern: '/feed', title: feeds.feedTitle, load: () => import('./feeds/FeedPage.svelte'), signedOut: 'sign-in' },
  explore: { pattern: '/explore', title: feeds.exploreTitle, load: () => import('./feeds/ExplorePage.svelte') },
  tag: { pattern: '/tags/:tag', title: null, load: () => import('./feeds/TagPage.svelte') },
  place: { pattern: '/places/:place', title: null, load: () => import('./feeds/PlacePage.svelte') },
  song: { pattern: '/songs/:id', title: null, load: () => import('./feeds/SongPage.svelte') },
  saved: { pattern: '/saved', title: talk.savedTitle, load: () => import('./talk/SavedPage.svelte'), signedOut: 'sign-in' },
  'pending-comments': { pattern: '/pending-comments', title: talk.pendingTitle, load: () => import('./talk/PendingCommentsPage.svelte'), signedOut: 'sign-in' },
  'new-thread': { pattern: '/threads/new', title: threads.newThread, load: () => import('./threads/NewThreadPage.svelte'), signedOut: 'sign-in' },
  thread: { pattern: '/t/:id', title: null, load: () => import('./threads/ThreadPage.svelte') },
  greetings: { pattern: '/greetings', title: greetings.title, load: () => import('./greetings/GreetingsPage.svelte'), signedOut: 'sign-in' },
  greeting: { pattern: '/g/:token', title: null, load: () => import('./greetings/GreetingPage.svelte') },
  notifications: { pattern: '/notifications', title: notifications.title, load: () => import('./notifications/NotificationsPage.svelte'), signedOut: 'sign-in' },
  reminders: { pattern: '/reminders', title: notifications.remindersTitle, load: () => import('./notifications/RemindersPage.svelte'), signedOut: 'sign-in' },
  messages: { pattern: '/messages', title: chat.title, load: () => import('./chat/InboxPage.svelte'), signedOut: 'sign-in' },
  'message-requests': { pattern: '/messages/requests', title: chat.requestsTitle, load: () => import('./chat/RequestsPage.svelte'), signedOut: 'sign-in' },
  'new-conversation': { pattern: '/messages/new', title: chat.newMessage, load: () => import('./chat/NewConversationPage.svelte'), signedOut: 'sign-in' },
  'join-conversation': { pattern: '/messages/join/:token', title: chat.joinTitle, load: () => import('./chat/JoinGroupPage.svelte'), signedOut: 'sign-in' },
  group: { pattern: '/messages/:id/group', title: null, load: () => import('./chat/GroupPage.svelte'), signedOut: 'sign-in' },
  conversation: { pattern: '/messages/:id', title: null, load: () => import('./chat/ConversationPage.svelte'), signedOut: 'sign-in' },
  // The link of a mail: it needs no session.
  unsubscribe: { pattern: '/unsubscribe', title: notifications.unsubscribeTitle, load: () => import('./notifications/UnsubscribePage.svelte') },
  trash: { pattern: '/trash', title: layout.trash, load: () => import('./trash/TrashPage.svelte'), signedOut: 'sign-in' },
  settings: { pattern: '/settings', title: account.settingsTitle, load: () => import('./account/SettingsPage.svelte'), signedOut: 'sign-in' },
  'notification-settings': { pattern: '/settings/notifications', title: notifications.preferencesTitle, load: () => import('./notifications/PreferencesPage.svelte'), signedOut: 'sign-in' },
  'api-keys': { pattern: '/settings/api-keys', title: apiKeys.title, load: () => import('./apiKeys/ApiKeysPage.svelte'), signedOut: 'sign-in' },
  'own-lists': { pattern: '/settings/people', title: people.listsTitle, load: () => import('./people/OwnListsPage.svelte'), signedOut: 'sign-in' },
  'sign-in': { pattern: '/sign-in', title: account.signInTitle, load: () => import('./account/SignInPage.svelte') },
  join: { pattern: '/join', title: account.joinTitle, load: () => import('./account/JoinPage.svelte') },
  forgot: { pattern: '/forgot', title: account.forgotTitle, load: () => import('./account/ForgotPage.svelte') },
  reset: { pattern: '/reset', title: account.resetTitle, load: () => import('./account/ResetPage.svelte') },
  confirm: { pattern: '/confirm', title: account.confirmTitle, load: () => import('./account/ConfirmPage.svelte') },
  // Of a member who is suspended or banned: it has a sign-in of its own.
  appeals: { pattern: '/appeals', title: talk.appealsTitle, load: () => import('./appeals/AppealsPage.svelte') },
  welcome: { pattern: null, title: layout.welcomeTitle, load: () => import('./layout/WelcomePage.svelte') },
  'not-found': { pattern: null, title: layout.notFoundTitle, load: () => import('./layout/NotFoundPage.svelte') },
};

const PATTERNS = Object.entries(ROUTES).flatMap(([name, { pattern }]) => (pattern === null ? [] : [[pattern, name as RouteName] as const]));

/** Returns the route of a path, before it is known whether a member is signed in. */
export const matchRoute = (path: string): Route => matchPatterns(PATTERNS, path) ?? { name: 'not-found', params: {} };

/** Returns the route that is shown to a member or to a visitor. */
export function visibleRoute(name: RouteName, isSignedIn: boolean): RouteName {
  return isSignedIn ? name : (ROUTES[name].signedOut ?? name);
}
