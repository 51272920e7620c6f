// Owns the list of notices that a page shows: one of three boxes, what comes live, and what the member does with them.
// Invariant: what the member does is shown at once, and undone if the server refuses; a notice that has grown is there once.
import * as calls from '../api/notifications';
import { errorMessage, isProblem } from '../api/problem';
import type { Notice } from '../api/types';
import { closeShown } from '../push/shownNotices';
import { KeysetList } from '../ui/keysetList.svelte';
import { toasts } from '../ui/toasts.svelte';
import { live, type LiveChange } from './live.svelte';

export type Box = 'all' | 'unread' | 'filtered';

const FILTERS: Record<Box, calls.NoticeFilter> = { all: {}, unread: { unread: true }, filtered: { filtered: true } };
const PAGE_SIZE = 30;
/** What comes within this time is marked as seen together. */
const SEEN_AFTER_MS = 400;

const listOf = (box: Box): KeysetList<Notice> => new KeysetList((after) => calls.list(FILTERS[box], PAGE_SIZE, after), ({ group }) => group);

export class Notices {
  box = $state<Box>('all');
  list = $state.raw(listOf('all'));
  #timer: ReturnType<typeof setTimeout> | null = null;

  async choose(box: Box): Promise<void> {
    this.box = box;
    this.list = listOf(box);
    await this.load();
  }

  async load(): Promise<void> {
    await this.list.load();
    this.#seeSoon();
  }

  /** Takes what comes live. */
  receive(change: LiveChange): void {
    // What is filtered does not come live.
    if (this.box === 'filtered') return;
    if (change.kind === 'reset') return void this.load();
    const { notice } = change;
    this.list.items = [notice, ...this.list.items.filter(({ group }) => group !== notice.group)];
    this.#seeSoon();
  }

  /** Ends the list. What came just before was shown, so it is seen. */
  stop(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    void this.#see();
  }

  /** What was opened is read; it stays in the list until that is loaded again. */
  async read(notice: Notice): Promise<void> {
    if (notice.read) return;
    this.#update((one) => (one.group === notice.group ? { ...one, read: true, seen: true } : one));
    void closeShown([notice.group]);
    await this.#mark(() => calls.markRead([notice.id]));
  }

  /** Marks all that the list shows, and what is older, as read. What comes meanwhile is not marked. */
  async readAll(): Promise<void> {
    const newest = this.list.items[0];
    if (!newest) return;
    this.#update((one) => ({ ...one, read: true, seen: true }));
    void closeShown(this.list.items.map(({ group }) => group));
    await this.#mark(() => calls.markReadUntil(newest.id));
  }

  /** Takes a notice off the list at once; it returns if the server refuses. */
  async remove(notice: Notice): Promise<void> {
    const before = this.list.items;
    this.list.remove(notice.group);
    void closeShown([notice.group]);
    try {
      await calls.remove(notice.id);
    } catch (error) {
      // It was removed in another tab, or has grown and comes again by itself.
      if (isProblem(error, 'notify.not_found')) return;
      this.list.items = before;
      toasts.error(errorMessage(error));
    }
  }

  #update(change: (notice: Notice) => Notice): void {
    this.list.items = this.list.items.map(change);
  }

  async #mark(send: () => ReturnType<typeof calls.markSeen>): Promise<void> {
    try {
      live.counts = await send();
    } catch (error) {
      toasts.error(errorMessage(error));
      await this.list.load();
    }
  }

  #seeSoon(): void {
    if (this.box !== 'all' || document.hidden) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#see();
    }, SEEN_AFTER_MS);
  }

  async #see(): Promise<void> {
    const newest = this.list.items[0];
    if (this.box !== 'all' || !newest || live.counts?.unseen === 0) return;
    // It is no act of the member, so a failure says nothing: the next one marks all.
    live.counts = await calls.markSeen(newest.id).catch(() => live.counts);
  }
}
