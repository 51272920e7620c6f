// Owns the toasts and what screen readers announce. A toast never asks a question.

export interface ToastAction {
  label: string;
  run: () => void;
}

export interface Toast {
  id: number;
  text: string;
  isError: boolean;
  action: ToastAction | undefined;
}

const SHOWN_MS = 6_000;
/** Errors take longer to read, and a button takes longer to reach. */
const SHOWN_LONGER_MS = 12_000;

class Toasts {
  items = $state<Toast[]>([]);
  /** Announced by screen readers; not shown. */
  announcement = $state('');
  #lastId = 0;

  success(text: string, action?: ToastAction): void {
    this.#show(text, false, action);
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

  #show(text: string, isError: boolean, action?: ToastAction): void {
    const id = (this.#lastId += 1);
    this.items = [...this.items.filter((toast) => toast.text !== text), { id, text, isError, action }].slice(-3);
    setTimeout(() => this.dismiss(id), isError || action ? SHOWN_LONGER_MS : SHOWN_MS);
  }
}

export const toasts = new Toasts();
