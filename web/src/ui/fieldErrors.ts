// Owns which message a field gets: from the browser's own rules before a form is sent, from the server's problem after.
// Uses no browser API, so it is tested alone.
import ui from '#messages/ui';
import { Problem } from '../api/problem';
import { optionalText } from '../messages/language.svelte';

/** What is known of a field when its form is sent; an input element fits. */
export interface FieldValue {
  value: string;
  required: boolean;
  type: string;
  /** -1: no limit. */
  minLength: number;
  validity: { typeMismatch: boolean };
}

/** Returns what is wrong with a value, or `null`. */
export function fieldError(label: string, field: FieldValue): string | null {
  if (field.required && field.value.trim() === '') return ui.fieldMissing({ label });
  if (field.type === 'email' && field.validity.typeMismatch) return ui.fieldNotEmail({ label });
  if (field.value !== '' && field.value.length < field.minLength) return ui.fieldTooShort({ label, min: field.minLength });
  return null;
}

export interface ProblemField {
  /** The name of the field. */
  field: string;
  /** The words that the server's sentence begins with; the label takes their place. */
  property?: string;
  /** The page's sentence, where the server's names the field with another word than its label. */
  message?: () => string;
}

export type ProblemFields = Readonly<Record<string, readonly ProblemField[]>>;

/** Returns the first field, of those in `labels`, that a thrown value is about, and the sentence to show; `null` for all else. */
export function problemField(error: unknown, table: ProblemFields, labels: ReadonlyMap<string, string>): { field: string; message: string } | null {
  if (!(error instanceof Problem)) return null;
  const { code, detail } = error;
  for (const { field, property, message } of table[code] ?? []) {
    const label = labels.get(field);
    if (label === undefined || (property && !detail.startsWith(property))) continue;
    return { field, message: message?.() ?? translated(error, label, property) ?? (property ? label + detail.slice(property.length) : detail) };
  }
  return null;
}

/** The page's own sentence, if its language has one. The server's begins with an English word that no label can replace there. */
function translated({ code, detail }: Problem, label: string, property: string | undefined): string | null {
  const sentence = optionalText('problems', code, { detail });
  return sentence !== null && property ? ui.fieldRefused({ label }) : sentence;
}
