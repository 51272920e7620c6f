// Proves what the service worker does with a push and with a click, on the files that the build puts together.
import { readFileSync } from 'node:fs';
import { beforeEach, expect, it, vi } from 'vitest';

const ORIGIN = 'https://tutti.example';
const SOURCE = ['src/shell/serviceWorker.js', 'src/push/worker.js'].map((path) => readFileSync(path, 'utf8')).join('\n');

type Listener = (event: object) => void;
interface Shown {
  title: string;
  options: { body: string; tag: string; silent: boolean; data: { url: string; notice: string | null } };
}

const client = (path: string, frameType = 'top-level') => ({ url: ORIGIN + path, frameType, focus: vi.fn(async () => undefined as unknown), postMessage: vi.fn() });

let shown: Shown[];
let badges: number[];
let windows: ReturnType<typeof client>[];
let opened: string[];
let listeners: Record<string, Listener>;

beforeEach(() => {
  [shown, badges, windows, opened, listeners] = [[], [], [], [], {}];
  const self = {
    location: { origin: ORIGIN },
    navigator: { setAppBadge: async (count: number) => void badges.push(count) },
    registration: { showNotification: async (title: string, options: Shown['options']) => void shown.push({ title, options }) },
    clients: {
      matchAll: async () => windows,
      openWindow: async (path: string) => {
        opened.push(path);
        const page = client(path);
        windows.push(page);
        return page;
      },
    },
    addEventListener: (name: string, listener: Listener) => (listeners[name] = listener),
  };
  new Function('self', 'BUILD', 'caches', SOURCE)(self, { version: 'test', files: [] }, {});
});

/** Sends an event to the worker, and waits until it is done with it. */
async function dispatch(name: string, event: object): Promise<void> {
  let done: Promise<unknown> = Promise.resolve();
  listeners[name]?.({ ...event, waitUntil: (promise: Promise<unknown>) => (done = promise) });
  await done;
}
const push = (text: string | null): Promise<void> => dispatch('push', { data: text === null ? null : { json: () => JSON.parse(text) as unknown } });

async function click(data: unknown): Promise<void> {
  const close = vi.fn();
  await dispatch('notificationclick', { notification: { data, close } });
  expect(close).toHaveBeenCalledOnce();
}

it('shows the sentence of a push under the tag of its group, and the count on the icon', async () => {
  await push(JSON.stringify({ action: 'show', group: 'g1', notice: 'n1', text: 'Bob followed you', url: '/u/bob', badge: '3', kind: 'followed' }));
  expect(shown).toEqual([{ title: 'Tutti', options: expect.objectContaining({ body: 'Bob followed you', tag: 'g1', silent: false, data: { url: '/u/bob', notice: 'n1' } }) as unknown }]);
  expect(badges).toEqual([3]);
});

it('shows something for each push, whatever is in it', async () => {
  for (const text of [null, '', 'no JSON', 'null', '[]', '7', '{}', '{"text":5,"group":{},"url":[],"notice":1,"badge":"x"}']) await push(text);
  expect(shown.map(({ title, options }) => [title, options.body, options.tag, options.data])).toEqual(Array(8).fill(['Tutti', '', '/notifications', { url: '/notifications', notice: null }]));
  expect(badges).toEqual([]);
});

it('what is withdrawn has no text any more, and makes no sound', async () => {
  await push(JSON.stringify({ action: 'withdraw', group: 'g1', text: 'Bob followed you', badge: '0' }));
  expect(shown.map(({ options }) => [options.tag, options.body, options.silent])).toEqual([['g1', '', true]]);
  expect(badges).toEqual([0]);
});

it('a click shows the page in a window that is open, and says which notice it was', async () => {
  const [embedded, framed, docs, page] = [client('/embed/x'), client('/m/x', 'nested'), client('/docs'), client('/settings')];
  windows = [embedded, framed, docs, page];
  page.focus.mockResolvedValue(page);
  await click({ url: '/p/1?link=a', notice: 'n1' });
  // A browser that refuses to show the window.
  page.focus.mockRejectedValue(new Error('not allowed'));
  await click({ url: '/p/2', notice: null });
  expect(page.postMessage.mock.calls).toEqual([[{ kind: 'notice-opened', url: '/p/1?link=a', notice: 'n1' }], [{ kind: 'notice-opened', url: '/p/2', notice: null }]]);
  expect([opened, embedded.focus.mock.calls, framed.focus.mock.calls, docs.focus.mock.calls]).toEqual([[], [], [], []]);
});

it('without a window a click opens one, and only a page of this site', async () => {
  const urls = ['/p/1', 'https://evil.example/p/1', '//evil.example', 'javascript:alert(1)', '/v1/sessions', 'https://[', null];
  for (const url of urls) {
    windows = [];
    await click({ url, notice: 'n1' });
    expect(windows[0]?.postMessage).toHaveBeenCalledOnce();
  }
  await click(null);
  expect(opened).toEqual(['/p/1', ...Array<string>(6).fill('/notifications')]);
});
