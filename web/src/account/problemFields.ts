// Owns which field of the account's forms each problem code is about. A code that is not here is about the whole form.
import m from '#messages/account';
import type { ProblemFields } from '../ui/fieldErrors';

export const PROBLEM_FIELDS: ProblemFields = {
  'accounts.invalid_handle': [{ field: 'username' }],
  'accounts.handle_taken': [{ field: 'username' }],
  'accounts.invalid_email': [{ field: 'email' }],
  'accounts.disposable_email': [{ field: 'email' }],
  'accounts.invalid_code': [{ field: 'code' }],
  'accounts.code_needs_login': [{ field: 'username' }],
  'accounts.weak_password': [{ field: 'new-password' }],
  'accounts.invalid_profile': [
    { field: 'display-name', property: 'The display name' },
    { field: 'bio', property: 'The bio' },
    { field: 'place', property: 'The place' },
    { field: 'links', property: 'A link' },
    { field: 'links', property: 'A profile has at most five links', message: m.tooManyLinks },
  ],
  // The server says "handle" where the label says "Handle or e-mail".
  'auth.wrong_login': [{ field: 'password', message: m.wrongLogin }],
  'auth.wrong_password': [{ field: 'current-password' }],
  'auth.proof_required': [{ field: 'current-password' }],
  'auth.wrong_factor': [{ field: 'code' }],
  'auth.factor_refused': [{ field: 'code' }],
};
