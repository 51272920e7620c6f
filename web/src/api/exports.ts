// Owns the operations of the API for the export of a member's data, one function each.
import { api, readBody } from './client';
import type { DataExport } from './types';

/** How archives are asked for and downloaded. */
export interface ExportCalls {
  start: () => Promise<DataExport>;
  list: () => Promise<DataExport[]>;
  /** Begins a download. Returns `false` if the archive is gone. */
  download: (id: string) => Promise<boolean>;
}

/** Asks for an archive. While one is being built, returns that one. Needs a recent proof. */
export const start = (): Promise<DataExport> => readBody(api.POST('/v1/me/export'));

/** The last archives, newest first, without their URLs. */
export const list = async (): Promise<DataExport[]> => (await readBody(api.GET('/v1/me/exports'))).items;

/** Reads an archive's state, with its URL, which is signed anew. Once it is ready this needs a recent proof. */
export const get = (id: string): Promise<DataExport> => readBody(api.GET('/v1/me/exports/{id}', { params: { path: { id } } }));
