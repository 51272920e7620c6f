// Proves what two members see of each other, each in a browser of their own: a private account is followed by request, its
// posts are its followers' to see, to like and to comment on, and a block ends that at once.
import type { Browser, Page } from '@playwright/test';
import { collectErrors, expect, memberNamed, signUp, test, type Member } from './fixtures';

/** A browser of its own in which a new member is signed in. */
async function member(browser: Browser, baseURL: string, name: string): Promise<{ page: Page; person: Member; errors: string[]; close: () => Promise<void> }> {
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  const errors = collectErrors(page);
  const person = memberNamed(`${name}${Date.now().toString(36)}`);
  await signUp(page, person);
  return { page, person, errors, close: () => context.close() };
}

test('a private account is followed by request, shows its posts then, and hides them after a block', async ({ browser, serverUrl }) => {
  const [ada, bob] = [await member(browser, serverUrl, 'pada'), await member(browser, serverUrl, 'pbob')];
  await ada.page.goto('/settings');
  await ada.page.getByLabel('Private profile').check();
  await ada.page.getByRole('button', { name: 'Save profile' }).click();
  await expect(ada.page.getByText('Your profile is saved.')).toBeVisible();

  await ada.page.goto('/compose');
  await ada.page.getByRole('button', { name: 'Post', exact: true }).click();
  await expect(ada.page.getByLabel('Text', { exact: true })).toBeFocused();
  await ada.page.getByLabel('Text', { exact: true }).fill('First take, with nobody yet. #rehearsal');
  await ada.page.getByRole('radio', { name: /^Everyone/ }).check();
  await ada.page.getByRole('button', { name: 'Post', exact: true }).click();
  await expect(ada.page.getByRole('article').getByRole('link', { name: '#rehearsal' })).toBeVisible();
  const post = ada.page.url();

  await bob.page.goto(post);
  await expect(bob.page.getByRole('heading', { name: 'This post is not available' })).toBeVisible();
  await bob.page.goto(`/u/${ada.person.handle}`);
  await expect(bob.page.getByText('There are no posts that you can see.')).toBeVisible();
  await bob.page.getByRole('button', { name: 'Ask to follow' }).click();
  await expect(bob.page.getByRole('button', { name: 'Withdraw the request' })).toBeVisible();

  await ada.page.goto('/follow-requests');
  await ada.page.getByRole('button', { name: `Accept @${bob.person.handle}` }).click();
  await expect(ada.page.getByText('Nobody is waiting for your decision.')).toBeVisible();
  await bob.page.reload();
  await expect(bob.page.getByRole('button', { name: 'Unfollow' })).toBeVisible();
  await expect(bob.page.getByRole('article')).toContainText('First take, with nobody yet.');
  // Only its author is offered to change it.
  await expect(bob.page.getByRole('article').getByRole('button', { name: 'Delete' })).toHaveCount(0);

  const article = bob.page.getByRole('article');
  await article.getByRole('button', { name: /^Like, 0 reactions/ }).click();
  await expect(article.getByRole('button', { name: /^Like, 1 reaction/ })).toHaveAttribute('aria-pressed', 'true');
  await article.getByRole('button', { name: 'Other reactions' }).click();
  await article.getByRole('button', { name: 'Applause' }).click();
  await expect(article.getByRole('button', { name: /^Applause, 1 reaction/ })).toBeVisible();
  await bob.page.goto(post);
  await bob.page.getByLabel('Your comment').fill('What a voice!');
  await bob.page.getByRole('button', { name: 'Send' }).click();
  await expect(bob.page.getByRole('heading', { name: '1 comment' })).toBeVisible();
  await ada.page.goto(post);
  await expect(ada.page.getByRole('button', { name: /, 1 reaction/ })).toBeVisible();
  await ada.page.getByRole('button', { name: 'Answer', exact: true }).click();
  await expect(ada.page.getByLabel('Your answer')).toBeFocused();
  await ada.page.keyboard.type('Thank you!');
  await ada.page.getByRole('button', { name: 'Send' }).last().click();
  await expect(ada.page.getByRole('heading', { name: '2 comments' })).toBeVisible();
  await bob.page.reload();
  await bob.page.getByRole('button', { name: 'Show 1 answer' }).click();
  await expect(bob.page.getByText('Thank you!')).toBeVisible();
  // A comment that is refused is in the field again, and nowhere else.
  await bob.page.route('**/v1/posts/*/comments', (route) => (route.request().method() === 'POST' ? route.fulfill({ status: 403, json: { code: 'social.not_allowed', detail: 'No more comments.' } }) : route.continue()));
  await bob.page.getByLabel('Your comment').fill('And once more?');
  await bob.page.getByRole('button', { name: 'Send' }).click();
  await expect(bob.page.getByText('No more comments.')).toBeVisible();
  await expect(bob.page.getByLabel('Your comment')).toHaveValue('And once more?');
  await expect(bob.page.getByRole('heading', { name: '2 comments' })).toBeVisible();
  await bob.page.unroute('**/v1/posts/*/comments');
  await bob.page.getByRole('article').getByRole('button', { name: 'Report' }).click();
  await bob.page.getByRole('dialog').getByLabel('Reason').selectOption('Something else');
  await bob.page.getByRole('dialog').getByRole('button', { name: 'Report' }).click();
  await expect(bob.page.getByLabel('What is wrong with it')).toBeFocused();
  await bob.page.keyboard.press('Escape');
  await bob.page.goto(`/u/${ada.person.handle}`);

  // What the server refuses is undone.
  await bob.page.route('**/v1/accounts/*/follow', (route) => route.abort());
  await bob.page.getByRole('button', { name: 'Unfollow' }).click();
  await expect(bob.page.getByText(/connection/).first()).toBeVisible();
  await expect(bob.page.getByRole('button', { name: 'Unfollow' })).toBeVisible();
  await bob.page.unroute('**/v1/accounts/*/follow');

  await ada.page.goto(`/u/${bob.person.handle}`);
  await ada.page.getByRole('button', { name: 'Block', exact: true }).click();
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Block', exact: true }).click();
  await expect(ada.page.getByRole('button', { name: 'Unblock' })).toBeVisible();
  await bob.page.goto(post);
  await expect(bob.page.getByRole('heading', { name: 'This post is not available' })).toBeVisible();
  // What a member has decided about others is listed in the settings, and undone there.
  await ada.page.goto('/settings/people');
  await ada.page.getByRole('button', { name: `Unblock @${bob.person.handle}` }).click();
  await expect(ada.page.getByText('You block nobody.')).toBeVisible();
  await expect(ada.page.getByRole('heading', { name: 'Blocked', exact: true })).toBeFocused();
  expect([...ada.errors, ...bob.errors]).toEqual([]);
  await ada.close();
  await bob.close();
});
