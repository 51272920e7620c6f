// Owns the greeting operations of the API, one function each.
import { api, expectOk, readBody } from './client';
import type { Greeting } from './types';

export interface GreetingsPage {
  items: Greeting[];
  next?: string | null;
}

export interface NewGreeting {
  media: string;
  to_name: string;
  text: string;
  /** In seconds. */
  expires_in: number;
}

export const MAX_NAME = 80;
export const MAX_TEXT = 1_000;

/** Makes a greeting. Its `url` is in this response only. */
export const create = (body: NewGreeting): Promise<Greeting> => readBody(api.POST('/v1/greetings', { body }));

/** Opens a greeting by the token of its link; its sender learns it, once for each visitor and hour. */
export const open = (token: string): Promise<Greeting> => readBody(api.GET('/v1/greetings/{greeting}', { params: { path: { greeting: token } } }));

/** The greetings that the member has sent, newest first. */
export const list = (limit: number, after?: string): Promise<GreetingsPage> => readBody(api.GET('/v1/greetings', { params: { query: { limit, ...(after ? { after } : {}) } } }));

export const revoke = (id: string): Promise<void> => expectOk(api.DELETE('/v1/greetings/{greeting}', { params: { path: { greeting: id } } }));
