// Owns the scopes of API keys: a tag of operations, and whether to read or to change. Does not own which operations they
// allow: the server does. Uses no browser API, so it is tested alone.
import m from '#messages/apiKeys';
import { formatList } from '../ui/format';

/** The tags of the server's operations, without `accounts`: no key is for those. */
export const TAGS = ['media', 'albums', 'uploads', 'delivery', 'people', 'posts', 'feeds', 'threads', 'greetings', 'notifications', 'chat', 'screens'] as const;
export const ACCESSES = ['read', 'write'] as const;

type Tag = (typeof TAGS)[number];
type Access = (typeof ACCESSES)[number];

const TAG_LABELS: Record<Tag, () => string> = {
  media: m.tagMedia,
  albums: m.tagAlbums,
  uploads: m.tagUploads,
  delivery: m.tagDelivery,
  people: m.tagPeople,
  posts: m.tagPosts,
  feeds: m.tagFeeds,
  threads: m.tagThreads,
  greetings: m.tagGreetings,
  notifications: m.tagNotifications,
  chat: m.tagChat,
  screens: m.tagScreens,
};
const ACCESS_LABELS: Record<Access, () => string> = { read: m.read, write: m.write };

export const tagLabel = (tag: Tag): string => TAG_LABELS[tag]();
export const accessLabel = (access: Access): string => ACCESS_LABELS[access]();

/** Returns what scopes allow, a sentence for each tag; one that the page does not know is shown as it is. */
export function scopeSentences(scopes: readonly string[]): string[] {
  const known = TAGS.flatMap((tag) => {
    const accesses = ACCESSES.filter((access) => scopes.includes(`${tag}:${access}`));
    return accesses.length > 0 ? [m.scope({ tag: tagLabel(tag), access: formatList(accesses.map(accessLabel)) })] : [];
  });
  const all = TAGS.flatMap((tag) => ACCESSES.map((access) => `${tag}:${access}`));
  return [...known, ...scopes.filter((scope) => !all.includes(scope))];
}
