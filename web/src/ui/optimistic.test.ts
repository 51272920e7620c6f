// Proves that a change is shown at once, that one which is refused is undone alone, and that changes reach the server in order.
import { expect, it } from 'vitest';
import { Optimistic } from './optimistic';

interface Counted {
  liked: boolean;
  saved: boolean;
  likes: number;
}

const START: Counted = { liked: false, saved: false, likes: 3 };
const like = (value: Counted): Counted => ({ ...value, liked: true, likes: value.likes + 1 });
const unlike = (value: Counted): Counted => ({ ...value, liked: false, likes: value.likes - 1 });
const save = (value: Counted): Counted => ({ ...value, saved: true });

it('a change is shown before it is sent, and stays when it is accepted', async () => {
  const shown: Counted[] = [];
  const value = new Optimistic(START, (next) => shown.push(next));
  let accept: () => void = () => undefined;
  const done = value.change(like, () => new Promise<void>((resolve) => (accept = resolve)));
  expect(value.shown).toEqual({ liked: true, saved: false, likes: 4 });
  await Promise.resolve();
  accept();
  await done;
  expect(value.shown).toEqual({ liked: true, saved: false, likes: 4 });
  expect(shown.at(-1)).toEqual(value.shown);
});

it('a change that is refused is undone, and no other one with it', async () => {
  const value = new Optimistic(START, () => undefined);
  const refused = value.change(like, async () => Promise.reject(new Error('refused')));
  const accepted = value.change(save, async () => undefined);
  expect(value.shown).toEqual({ liked: true, saved: true, likes: 4 });
  await expect(refused).rejects.toThrow('refused');
  await accepted;
  expect(value.shown).toEqual({ liked: false, saved: true, likes: 3 });
});

it('a newer value of the server keeps what is still on its way', async () => {
  const value = new Optimistic(START, () => undefined);
  const done = value.change(like, async () => undefined);
  value.confirm({ liked: false, saved: true, likes: 9 });
  expect(value.shown).toEqual({ liked: true, saved: true, likes: 10 });
  await done;
  expect(value.shown).toEqual({ liked: true, saved: true, likes: 10 });
});

it('changes are sent one after the other, and the server’s word replaces the guess', async () => {
  const sent: string[] = [];
  const value = new Optimistic(START, () => undefined);
  const first = value.change(like, async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    sent.push('like');
  });
  const second = value.change(unlike, async () => {
    sent.push('unlike');
    return (now) => ({ ...now, liked: false, likes: 7 });
  });
  expect(value.shown.liked).toBe(false);
  await Promise.all([first, second]);
  expect(sent).toEqual(['like', 'unlike']);
  expect(value.shown).toEqual({ liked: false, saved: false, likes: 7 });
});
