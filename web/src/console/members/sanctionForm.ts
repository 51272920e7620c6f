// Owns which field of a sanction's form each sentence of the server is about.
import type { ProblemFields } from '../../ui/fieldErrors';

/** The server accepts no longer reason. */
export const MAX_REASON = 300;

export const SANCTION_FIELDS: ProblemFields = {
  'accounts.invalid_sanction': [
    { field: 'until', property: '`until`' },
    { field: 'reason', property: '`reason`' },
  ],
};
