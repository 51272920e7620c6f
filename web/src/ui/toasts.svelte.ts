// Owns the short messages at the page's edge and what screen readers hear. A message never asks for anything.

export interface Message {
  id: number;
  text: string;
  bad: boolean;
}

const SHOWN_MS = 6_000;

class Toasts {
  messages = $state<Message[]>([]);
  /** Read out politely; not shown. */
  spoken = $state('');
  #count = 0;

  success(text: string): void {
    this.#show(text, false);
  }

  error(text: string): void {
    this.#show(text, true);
  }

  announce(text: string): void {
    this.spoken = text;
  }

  dismiss(id: number): void {
    this.messages = this.messages.filter((message) => message.id !== id);
  }

  #show(text: string, bad: boolean): void {
    const id = (this.#count += 1);
    this.messages = [...this.messages.filter((message) => message.text !== text), { id, text, bad }].slice(-3);
    setTimeout(() => this.dismiss(id), bad ? SHOWN_MS * 2 : SHOWN_MS);
  }
}

export const toasts = new Toasts();
