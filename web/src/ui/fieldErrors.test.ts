// Proves which message a field gets, and that a problem finds the field that it is about.
import { afterEach, expect, it } from 'vitest';
import { Problem } from '../api/problem';
import { setLanguage } from '../messages/language.svelte';
import { fieldError, problemField, type FieldValue } from './fieldErrors';

afterEach(() => setLanguage('en'));

const field = (change: Partial<FieldValue>): FieldValue => ({ value: '', required: false, type: 'text', minLength: -1, validity: { typeMismatch: false }, ...change });

it('names the field by its label', () => {
  expect(fieldError('Handle', field({ value: ' ', required: true }))).toBe('Handle is missing.');
  expect(fieldError('E-mail', field({ value: 'ada', type: 'email', validity: { typeMismatch: true } }))).toBe('E-mail should look like ada@example.org.');
  expect(fieldError('Password', field({ value: 'short', minLength: 10 }))).toBe('Password needs at least 10 characters.');
});

it('accepts what fits, and an optional field without a value', () => {
  expect(fieldError('Handle', field({ value: 'ada', required: true }))).toBeNull();
  expect(fieldError('New password', field({ minLength: 10 }))).toBeNull();
});

it('ties a problem to the field of this form that it is about', () => {
  const labels = (...names: string[]): Map<string, string> => new Map(names.map((name) => [name, `Your ${name}`]));
  const table = { taken: [{ field: 'handle' }], profile: [{ field: 'name', property: 'display_name' }, { field: 'bio', property: 'bio' }], wrong: [{ field: 'current' }, { field: 'password', message: () => 'ours' }] };
  const problem = (code: string): Problem => new Problem(422, code, 'theirs');
  expect(problemField(problem('taken'), table, labels('email', 'handle'))).toEqual({ field: 'handle', message: 'theirs' });
  expect(problemField(problem('wrong'), table, labels('password'))).toEqual({ field: 'password', message: 'ours' });
  expect(problemField(new Problem(422, 'profile', 'bio is too long.'), table, labels('name', 'bio'))).toEqual({ field: 'bio', message: 'Your bio is too long.' });
  for (const error of [problem('taken'), problem('other'), new Error('taken')]) expect(problemField(error, table, labels('email'))).toBeNull();
});

it('in another language a field has that language’s sentence, never an English word', async () => {
  await setLanguage('es');
  const labels = new Map([['bio', 'Sobre ti'], ['username', 'Nombre de usuario']]);
  const table = { 'accounts.invalid_profile': [{ field: 'bio', property: 'The bio' }], 'accounts.handle_taken': [{ field: 'username' }] };
  const message = (code: string, detail: string): string | undefined => problemField(new Problem(422, code, detail), table, labels)?.message;
  expect(message('accounts.invalid_profile', 'The bio is too long.')).toBe('Sobre ti: el servidor no acepta este valor. Compruébalo e inténtalo de nuevo.');
  expect(message('accounts.handle_taken', 'This handle is taken.')).toBe('Este nombre de usuario, o uno que se le parece, ya está en uso. Elige otro.');
});
