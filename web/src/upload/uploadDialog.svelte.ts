// Owns whether the upload dialog is open, so that any page can open it.
import { session } from '../session/session.svelte';

class UploadDialogState {
  isOpen = $state(false);

  constructor() {
    session.onChange(() => this.close());
  }

  open(): void {
    this.isOpen = true;
  }

  close(): void {
    this.isOpen = false;
  }
}

export const uploadDialog = new UploadDialogState();
