// Proves what three members see of messages, each in a browser of their own: a stranger's first message waits among the requests
// and reaches nothing else, acceptance opens the conversation, both write and see it live, and a third comes into a group.
import type { Browser, Locator, Page } from '@playwright/test';
import { collectErrors, expect, memberNamed, signUp, test, type Member } from './fixtures';
import { overlaps } from './overlaps';
import { violations } from './violations';

/** How long what another member does takes to be shown. */
const WITHIN_A_SECOND = { timeout: 1_000 };

interface Person {
  page: Page;
  person: Member;
  errors: string[];
  /** The messages of the conversation that is open. */
  log: Locator;
  write: (text: string) => Promise<void>;
  close: () => Promise<void>;
}

/** A browser of its own in which a new member is signed in. */
async function member(browser: Browser, baseURL: string, name: string): Promise<Person> {
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  const errors = collectErrors(page);
  const person = memberNamed(`${name}${Date.now().toString(36)}`);
  await signUp(page, person);
  const write = async (text: string): Promise<void> => {
    await page.getByRole('textbox', { name: 'Message' }).fill(text);
    await page.keyboard.press('Enter');
  };
  return { page, person, errors, log: page.getByRole('log'), write, close: () => context.close() };
}

const chatLink = ({ page }: Person): Locator => page.getByRole('banner').getByRole('link', { name: /^Messages/ });
/** The first message with a text: one that replies to it has its words, too. */
const row = (log: Locator, text: string): Locator => log.getByRole('listitem').filter({ hasText: text }).first();

/** Opens what can be done with a message, and does one thing. */
async function act(log: Locator, text: string, name: string): Promise<void> {
  await row(log, text).getByRole('button', { name: 'What can be done with this message' }).click();
  await row(log, text).getByRole('group').getByRole('button', { name, exact: true }).click();
}

/** Adds a file to the next message, and waits until it has arrived. */
async function attach({ page }: Person, path: string): Promise<void> {
  await page.getByRole('button', { name: 'Add media' }).click();
  await page.locator('main form input[type="file"]').setInputFiles(path);
  await expect(page.getByRole('button', { name: 'Send', exact: true })).toBeEnabled();
}

/** On a phone and a desktop nothing overlaps, and axe finds nothing. */
async function expectFits(page: Page, what: string): Promise<void> {
  for (const { colorScheme, ...viewport } of [{ width: 390, height: 844, colorScheme: 'light' }, { width: 1440, height: 900, colorScheme: 'dark' }] as const) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.waitForTimeout(100);
    expect(await overlaps(page), `${what} at ${viewport.width} px`).toEqual([]);
    expect(await violations(page), `${what}, ${viewport.width} px, ${colorScheme}`).toEqual([]);
  }
}

test('a stranger’s message is a request, acceptance opens the conversation, and a third comes into a group', async ({ browser, serverUrl, files }) => {
  const [ada, bob, eve] = [await member(browser, serverUrl, 'cada'), await member(browser, serverUrl, 'cbob'), await member(browser, serverUrl, 'ceve')];

  // Bob follows Ada, who does not follow him: he is told beforehand where his message goes.
  await bob.page.goto(`/u/${ada.person.handle}`);
  await bob.page.getByRole('button', { name: 'Follow', exact: true }).click();
  await bob.page.getByRole('button', { name: 'Message', exact: true }).click();
  await expect(bob.page.getByText(/doesn’t follow you: what you write waits among their requests/)).toBeVisible();
  await bob.write('Shall we sing it a tone lower?');
  await expect(row(bob.log, 'Shall we sing it')).toContainText('waits among the requests');
  await attach(bob, files.portrait);
  await bob.write('Our tower');
  await expect(row(bob.log, 'Our tower').getByRole('img')).toBeVisible();

  // Nothing of it reaches Ada but what she looks for, and no picture before she opens it.
  const pictures: string[] = [];
  ada.page.on('request', (request) => {
    if (/\/v1\/media\/[^/]+\/image/.test(request.url())) pictures.push(request.url());
  });
  await ada.page.goto('/messages');
  await expect(ada.page.getByText('You have no messages yet.')).toBeVisible();
  await expect(chatLink(ada)).toHaveAccessibleName('Messages');
  await ada.page.getByRole('link', { name: 'Requests 1' }).click();
  await ada.page.getByRole('main').getByRole('link', { name: new RegExp(bob.person.handle) }).click();
  const banner = ada.page.getByRole('region', { name: 'Request', exact: true });
  await expect(banner).toContainText('No friends in common');
  await expect(banner).toContainText('The account is less than a day old');
  await expect(ada.page.getByRole('textbox', { name: 'Message' })).toHaveCount(0);
  await expect(row(ada.log, 'Shall we sing it')).toBeVisible();
  await expect(row(ada.log, 'Our tower')).toContainText('1 item, shown after you accept');
  await expectFits(ada.page, 'a request');
  await banner.getByRole('button', { name: 'Accept' }).click();
  await expect(banner).toHaveCount(0);
  const showPicture = row(ada.log, 'Our tower').getByRole('button', { name: 'Show the item' });
  await expect(showPicture).toBeVisible();
  expect(pictures).toEqual([]);
  await showPicture.click();
  await expect(row(ada.log, 'Our tower').getByRole('img')).toBeVisible();

  // They are told that the other is online.
  for (const { page } of [ada, bob]) await expect(page.getByText('Online', { exact: true })).toBeVisible();

  // Both write, and see it at once.
  await expect(bob.page.getByText(/waits among/)).toHaveCount(0);
  await ada.page.getByRole('textbox', { name: 'Message' }).pressSequentially('With');
  await expect(bob.page.getByText(`${ada.person.handle} is typing…`)).toBeVisible(WITHIN_A_SECOND);
  await ada.write('With pleasure!');
  await expect(row(bob.log, 'With pleasure!')).toBeVisible(WITHIN_A_SECOND);
  await bob.write('Tonight?');
  await expect(row(ada.log, 'Tonight?')).toBeVisible(WITHIN_A_SECOND);
  await expect(row(bob.log, 'Tonight?')).toContainText('Read');
  await act(ada.log, 'Tonight?', 'Like');
  await expect(row(bob.log, 'Tonight?').getByRole('list', { name: 'Reactions' })).toContainText('👍', WITHIN_A_SECOND);
  await act(ada.log, 'Tonight?', 'Reply');
  await ada.write('Yes, at eight.');
  await expect(row(bob.log, 'Yes, at eight.').getByRole('button', { name: /Tonight\?/ })).toBeVisible();
  await act(ada.log, 'Yes, at eight.', 'Edit');
  await ada.write('Yes, at nine.');
  await expect(row(bob.log, 'Yes, at nine.')).toContainText('edited');
  await act(bob.log, 'With pleasure!', 'Delete for me');
  await expect(row(bob.log, 'With pleasure!')).toHaveCount(0);
  await act(ada.log, 'With pleasure!', 'Delete for all');
  await expect(ada.log).toContainText('This message was deleted.');
  // Only what others wrote can be reported.
  await row(bob.log, 'Tonight?').getByRole('button', { name: 'What can be done with this message' }).click();
  await expect(row(bob.log, 'Tonight?').getByRole('group').getByRole('button', { name: 'Report' })).toHaveCount(0);

  // What cannot be sent stays, and is stored once when it is sent again.
  await bob.page.route('**/v1/conversations/*/messages', (route) => (route.request().method() === 'POST' ? route.abort() : route.continue()));
  await bob.write('Do you hear me?');
  await expect(bob.log.getByText('Not sent.')).toBeVisible();
  await bob.page.unroute('**/v1/conversations/*/messages');
  await bob.log.getByRole('button', { name: 'Try again' }).click();
  await expect(bob.log.getByText('Not sent.')).toHaveCount(0);
  await expect(ada.log.getByRole('listitem').filter({ hasText: 'Do you hear me?' })).toHaveCount(1);

  // A photo, which is sent when it has arrived.
  await attach(ada, files.photo);
  await ada.write('The harbour');
  await expect(row(bob.log, 'The harbour').getByRole('img')).toBeVisible();
  await expectFits(bob.page, 'a conversation');

  // A group, with those who follow Ada; a third comes later and sees what is written from then on.
  await eve.page.goto(`/u/${ada.person.handle}`);
  await eve.page.getByRole('button', { name: 'Follow', exact: true }).click();
  await expect(eve.page.getByRole('button', { name: 'Unfollow' })).toBeVisible();
  await ada.page.goto('/messages/new');
  await ada.page.getByRole('button', { name: 'Begin' }).click();
  await expect(ada.page.getByRole('textbox', { name: 'People' })).toBeFocused();
  await ada.page.keyboard.type(`@${bob.person.handle}`);
  await ada.page.getByRole('textbox', { name: 'Name of the group' }).fill('Choir');
  await ada.page.getByRole('button', { name: 'Begin' }).click();
  await expect(ada.page.getByRole('heading', { name: 'Choir' })).toBeVisible();
  await ada.write('Only the two of us');
  await bob.page.goto('/messages');
  await bob.page.getByRole('main').getByRole('link', { name: /^Choir/ }).click();
  await expect(row(bob.log, 'Only the two of us')).toBeVisible();
  await ada.page.getByRole('link', { name: '2 members' }).click();
  await ada.page.getByRole('textbox', { name: 'People' }).fill(eve.person.handle);
  await ada.page.getByRole('button', { name: 'Add people' }).click();
  await expect(ada.page.getByRole('heading', { name: '3 members' })).toBeVisible();
  await expectFits(ada.page, 'a group');
  await ada.page.getByRole('link', { name: 'Back to the conversation' }).click();
  await ada.write('Welcome, Eve');
  await expect(row(bob.log, 'Welcome, Eve')).toBeVisible(WITHIN_A_SECOND);
  await expect(chatLink(eve)).toHaveAccessibleName('Messages, 1 new', WITHIN_A_SECOND);
  await chatLink(eve).click();
  await eve.page.getByRole('main').getByRole('link', { name: /^Choir/ }).click();
  await expect(row(eve.log, 'Welcome, Eve')).toBeVisible();
  await expect(row(eve.log, 'Only the two of us')).toHaveCount(0);
  await expect(chatLink(eve)).toHaveAccessibleName('Messages');
  await eve.write('Hello, choir!');
  await expect(row(ada.log, 'Hello, choir!')).toBeVisible(WITHIN_A_SECOND);
  await expect(row(bob.log, 'Hello, choir!')).toBeVisible(WITHIN_A_SECOND);
  await eve.page.getByRole('link', { name: '3 members' }).click();
  await expect(eve.page.getByRole('button', { name: 'Add people' })).toHaveCount(0);
  await eve.page.getByRole('button', { name: 'Leave the group' }).click();
  await eve.page.getByRole('dialog').getByRole('button', { name: 'Leave the group' }).click();
  await expect(eve.page.getByText('You have no messages yet.')).toBeVisible();

  // Who receives nothing from strangers says so before a word is written.
  await eve.page.goto('/messages/requests');
  await eve.page.getByLabel('Receive requests from people whom I don’t follow').uncheck();
  await eve.page.getByRole('radio', { name: 'No one' }).check();
  await eve.page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(eve.page.getByText('Saved.')).toBeVisible();
  await bob.page.goto(`/u/${eve.person.handle}`);
  await bob.page.getByRole('button', { name: 'Message', exact: true }).click();
  await expect(bob.page.getByText(/receives no messages from people whom they don’t follow/)).toBeVisible();
  await expect(bob.page).toHaveURL(new RegExp(`/u/${eve.person.handle}$`));

  expect([...ada.errors, ...bob.errors, ...eve.errors]).toEqual([]);
  for (const { close } of [ada, bob, eve]) await close();
});
