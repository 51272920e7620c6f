// Owns lists of posts by pages: each post that arrives is put into the postStore.
import type { PostsPage } from '../api/posts';
import type { Post } from '../api/types';
import { KeysetList } from '../ui/keysetList.svelte';
import { postStore } from './postStore.svelte';

export const POSTS_PER_PAGE = 20;

/** Returns a list of the posts that `fetchPage` returns. */
export function postList(fetchPage: (limit: number, after?: string) => Promise<PostsPage>): KeysetList<Post> {
  return new KeysetList<Post>(async (after) => {
    const page = await fetchPage(POSTS_PER_PAGE, after);
    page.items.forEach((post) => postStore.put(post));
    return page;
  }, ({ id }) => id);
}
