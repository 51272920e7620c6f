// Owns the operations of announcements, one function each, and their types.
import { api, done, page, read } from './client';
import type { paths } from './schema';

type Operations = paths['/v1/admin/announcements'];
export type Announcement = Operations['get']['responses'][200]['content']['application/json']['items'][number];
export type NewAnnouncement = Operations['post']['requestBody']['content']['application/json'];

export const listAnnouncements = (after: string | null) => read(api.GET('/v1/admin/announcements', { params: { query: page(after) } }));

export const createAnnouncement = (body: NewAnnouncement) => read(api.POST('/v1/admin/announcements', { body }));

/** It goes from the lists of all members; it stays in that of the operators. */
export const cancelAnnouncement = (id: string) => done(api.DELETE('/v1/admin/announcements/{id}', { params: { path: { id } } }));
