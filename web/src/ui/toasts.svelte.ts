// Owns the toasts and what screen readers announce. A toast never asks a question.

export interface Toast {
  id: number;
  text: string;
  isError: boolean;
}

const SHOWN_MS = 6_000;

class Toasts {
  items = $state<Toast[]>([]);
  /** Announced by screen readers; not shown. */
  announcement = $state('');
  #lastId = 0;

  success(text: string): void {
    this.#show(text, false);
  }

  error(text: string): void {
    this.#show(text, true);
  }

  announce(text: string): void {
    this.announcement = text;
  }

  dismiss(id: number): void {
    this.items = this.items.filter((toast) => toast.id !== id);
  }

  #show(text: string, isError: boolean): void {
    const id = (this.#lastId += 1);
    this.items = [...this.items.filter((toast) => toast.text !== text), { id, text, isError }].slice(-3);
    setTimeout(() => this.dismiss(id), isError ? SHOWN_MS * 2 : SHOWN_MS);
  }
}

export const toasts = new Toasts();
