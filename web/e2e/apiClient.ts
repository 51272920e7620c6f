// Owns the calls that a test makes itself, beside those of the page: a new account, a file, an item once it is ready.
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { expect } from '@playwright/test';
import type { Member } from './fixtures';

export interface Item {
  id: string;
  name: string;
  state: string;
  duration_ms: number | null;
  urls: { hls: string | null; image: string | null };
}

export class ApiClient {
  private constructor(
    private readonly serverUrl: string,
    readonly token: string,
  ) {}

  static async signUp(serverUrl: string, { handle, email, password }: Member): Promise<ApiClient> {
    const response = await fetch(`${serverUrl}/v1/accounts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ handle, email, password }),
    });
    expect(response.ok, `signing up: ${response.status}`).toBe(true);
    return new ApiClient(serverUrl, ((await response.json()) as { access_token: string }).access_token);
  }

  async send(path: string): Promise<Item> {
    return this.#json(`/v1/media?name=${basename(path)}`, { method: 'POST', body: await readFile(path) });
  }

  list = async (): Promise<Item[]> => (await this.#json<{ items: Item[] }>('/v1/media')).items;

  async ready(id: string): Promise<Item> {
    const read = (): Promise<Item> => this.#json<Item>(`/v1/media/${id}`);
    await expect.poll(async () => (await read()).state, { timeout: 120_000 }).toBe('ready');
    return read();
  }

  /** Creates something of a JSON body, and returns it. */
  create = async <T>(path: string, body: object): Promise<T> => this.#json<T>(path, { method: 'POST', body: JSON.stringify(body) }, { 'Content-Type': 'application/json' });

  /** Sends a PUT, with a JSON body or without. */
  put = async (path: string, body?: object): Promise<unknown> =>
    this.#json(path, body ? { method: 'PUT', body: JSON.stringify(body) } : { method: 'PUT' }, body ? { 'Content-Type': 'application/json' } : {});

  async #json<T>(path: string, options: RequestInit = {}, headers: Record<string, string> = {}): Promise<T> {
    const response = await fetch(this.serverUrl + path, { ...options, headers: { ...headers, Authorization: `Bearer ${this.token}` } });
    expect(response.ok, `${path}: ${response.status}`).toBe(true);
    return (await response.json()) as T;
  }
}
