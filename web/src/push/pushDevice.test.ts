// Proves when this browser is a device, and that it is one only for the member who has switched it on.
import { beforeEach, expect, it } from 'vitest';
import { Problem } from '../api/problem';
import { PushDevice, type KnownDevice, type PushBrowser, type Subscribed } from './pushDevice';

let support: ReturnType<PushBrowser['support']>;
let permission: NotificationPermission;
/** What the member says when asked. */
let wish: NotificationPermission;
let subscription: Subscribed | null;
let key: string | null;
let known: KnownDevice | null;
/** The endpoints of the devices that the server has. */
let devices: Map<string, string>;
let made: number;
let device: PushDevice;

const subscribed = (made: number, key: string): Subscribed => ({ endpoint: `https://push.example/${made}`, keys: { p256dh: 'p', auth: 'a' }, key });

beforeEach(() => {
  [support, permission, wish, subscription, key, known, devices, made] = ['full', 'default', 'granted', null, 'k1', null, new Map(), 0];
  device = new PushDevice(
    {
      support: () => support,
      permission: () => permission,
      requestPermission: async () => (permission = wish),
      find: async () => subscription,
      subscribe: async (key) => {
        made += 1;
        return (subscription = subscribed(made, key));
      },
      unsubscribe: async () => void (subscription = null),
    },
    {
      getKey: async () => key,
      register: async ({ endpoint }) => {
        const id = [...devices].find(([, known]) => known === endpoint)?.[0] ?? `d${devices.size + 1}`;
        devices.set(id, endpoint);
        return id;
      },
      remove: async (id) => {
        if (!devices.delete(id)) throw new Problem(404, 'notify.no_such_device', 'There is none.');
      },
    },
    { read: () => known, write: (next) => void (known = next) },
  );
});

it('says what the browser and the installation can do', async () => {
  expect(await device.renew('ada')).toBe('off');
  support = 'none';
  expect(await device.renew('ada')).toBe('unsupported');
  support = 'when-installed';
  expect(await device.renew('ada')).toBe('not-installed');
  [support, key] = ['full', null];
  expect(await device.renew('ada')).toBe('unavailable');
  expect(await device.turnOn('ada')).toBe('unavailable');
  permission = 'denied';
  expect(await device.renew('ada')).toBe('denied');
  expect([subscription, known, devices.size]).toEqual([null, null, 0]);
});

it('is switched on by the member alone, and off again', async () => {
  wish = 'default';
  expect(await device.turnOn('ada')).toBe('off');
  wish = 'denied';
  expect(await device.turnOn('ada')).toBe('denied');
  expect([subscription, known]).toEqual([null, null]);
  wish = 'granted';
  expect(await device.turnOn('ada')).toBe('on');
  expect([known, devices.get('d1'), subscription?.endpoint]).toEqual([{ member: 'ada', device: 'd1' }, 'https://push.example/1', 'https://push.example/1']);
  expect(await device.turnOff('ada')).toBe('off');
  expect([known, devices.size, subscription]).toEqual([null, 0, null]);
  // It stays off at the next load.
  expect(await device.renew('ada')).toBe('off');
  expect(subscription).toBeNull();
});

it('each load renews it: the same subscription, or another one where the browser or the key has ended it', async () => {
  await device.turnOn('ada');
  devices.clear();
  expect(await device.renew('ada')).toBe('on');
  expect([...devices.values()]).toEqual(['https://push.example/1']);
  subscription = null;
  expect(await device.renew('ada')).toBe('on');
  expect([...devices.values()].at(-1)).toBe('https://push.example/2');
  key = 'k2';
  expect(await device.renew('ada')).toBe('on');
  expect([...devices.values()].at(-1)).toBe('https://push.example/3');
  expect(subscription).toMatchObject({ key: 'k2' });
});

it('a permission that was taken back switches it off', async () => {
  await device.turnOn('ada');
  permission = 'denied';
  expect(await device.renew('ada')).toBe('denied');
  expect([known, devices.size, subscription]).toEqual([null, 0, null]);
});

it('what one member has switched on is not for the next one', async () => {
  await device.turnOn('ada');
  expect(device.idFor('bob')).toBeNull();
  expect(await device.renew('bob')).toBe('off');
  expect([known, subscription]).toEqual([null, null]);
  await device.turnOn('ada');
  await device.leave();
  expect([known, subscription]).toEqual([null, null]);
});

it('switching off works without the server', async () => {
  await device.turnOn('ada');
  devices.clear();
  expect(await device.turnOff('ada')).toBe('off');
  await device.turnOn('ada');
  devices.clear();
  key = null;
  expect(await device.renew('ada')).toBe('unavailable');
});
