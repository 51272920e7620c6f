// Owns the choice between the system's theme, light and dark. theme.js applies it before the first paint.
import { tryStorage } from './storage';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'tutti.theme';
const ORDER: readonly Theme[] = ['system', 'light', 'dark'];

function stored(): Theme {
  const value = tryStorage(() => localStorage.getItem(KEY));
  return value === 'light' || value === 'dark' ? value : 'system';
}

class ThemeStore {
  value = $state<Theme>(stored());

  next(): void {
    this.value = ORDER[(ORDER.indexOf(this.value) + 1) % ORDER.length] ?? 'system';
    if (this.value === 'system') {
      tryStorage(() => localStorage.removeItem(KEY));
      delete document.documentElement.dataset['theme'];
    } else {
      tryStorage(() => localStorage.setItem(KEY, this.value));
      document.documentElement.dataset['theme'] = this.value;
    }
  }
}

export const theme = new ThemeStore();
