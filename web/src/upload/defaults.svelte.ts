// Owns the visibility of new uploads: the one that was chosen last, stored in this browser.
import type { Visibility } from '../api/types';
import { tryStorage } from '../ui/storage';

const KEY = 'tutti.new-uploads';

function stored(): Visibility {
  const value = tryStorage(() => localStorage.getItem(KEY));
  return value === 'unlisted' || value === 'public' ? value : 'private';
}

class Defaults {
  visibility = $state<Visibility>(stored());

  choose(visibility: Visibility): void {
    this.visibility = visibility;
    tryStorage(() => localStorage.setItem(KEY, visibility));
  }
}

export const defaults = new Defaults();
