// Owns what a form does when it is sent: its fields are checked, one request runs at a time, and what is wrong is shown.
// Does not own the rules: fieldErrors.ts does. Invariant: after a refusal the focus is on the first field with a message, and
// otherwise where it was, though a browser takes it from a button that is disabled meanwhile.
import { tick } from 'svelte';
import { errorMessage } from '../api/problem';
import { fieldError, problemField, type ProblemFields } from './fieldErrors';

type Field = HTMLInputElement | HTMLTextAreaElement;

export class Form {
  busy = $state(false);
  /** What is wrong, if it is not about one field. */
  error = $state<string | null>(null);
  /** Messages by the name of the field. */
  fieldErrors = $state<Record<string, string>>({});
  /** Labels by the name of the field. */
  #labels = new Map<string, string>();

  /** `problemFields` has the fields that each problem code may be about; `rules` return what else is wrong with a field, by its name. */
  constructor(
    private readonly problemFields: ProblemFields = {},
    private readonly rules: Readonly<Record<string, () => string | null>> = {},
  ) {}

  /** Adds a field. Returns the function that removes it. */
  register(name: string, label: string): () => void {
    this.#labels.set(name, label);
    return () => this.#labels.delete(name);
  }

  clearField(name: string): void {
    delete this.fieldErrors[name];
  }

  /** Runs `work` if the fields are right. Returns whether it succeeded. */
  async submit(event: SubmitEvent, work: () => Promise<void>): Promise<boolean> {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    if (this.busy) return false;
    this.error = null;
    this.fieldErrors = {};
    for (const [name, label] of this.#labels) {
      const message = fieldError(label, form.elements.namedItem(name) as HTMLInputElement);
      if (message !== null) this.fieldErrors[name] = message;
    }
    for (const [name, rule] of Object.entries(this.rules)) {
      const message = rule();
      if (message !== null) this.fieldErrors[name] ??= message;
    }
    if (Object.keys(this.fieldErrors).length === 0 && (await this.run(work))) return true;
    await tick();
    form.querySelector<Field>('[aria-invalid="true"]')?.focus();
    return false;
  }

  /** Runs `work` without checking the fields. Returns whether it succeeded. */
  async run(work: () => Promise<void>): Promise<boolean> {
    const focused = document.activeElement;
    this.busy = true;
    this.error = null;
    try {
      await work();
      return true;
    } catch (cause) {
      const found = problemField(cause, this.problemFields, this.#labels);
      if (found) this.fieldErrors[found.field] = found.message;
      else this.error = errorMessage(cause);
      return false;
    } finally {
      this.busy = false;
      await tick();
      if (document.activeElement === document.body && focused instanceof HTMLElement && focused.isConnected) focused.focus();
    }
  }
}
