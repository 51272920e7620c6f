// Owns the operations of the API for the export of a member's data, one function each.
import { api, readBody } from './client';
import type { DataExport } from './types';

/** Asks for an archive. While one is being built, returns that one. Needs a recent proof of an account with a second factor. */
export const start = (): Promise<DataExport> => readBody(api.POST('/v1/me/export'));

/** The last archives, newest first. */
export const list = async (): Promise<DataExport[]> => (await readBody(api.GET('/v1/me/exports'))).items;

/** Reads an archive's state. Its URL is signed anew. */
export const get = (id: string): Promise<DataExport> => readBody(api.GET('/v1/me/exports/{id}', { params: { path: { id } } }));
