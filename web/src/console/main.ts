// Owns the start of the operators' console: loads the styles, starts the router and the session, mounts the app, and signs
// out a console that is not used.
// It has no service worker: what operators see is never kept.
import { mount } from 'svelte';
import m from '#messages/console';
import { startEnglish } from '../messages/language.svelte';
import { session } from '../session/session.svelte';
import '../styles/fonts.css';
import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/controls.css';
import { toasts } from '../ui/toasts.svelte';
import ConsoleApp from './ConsoleApp.svelte';
import './console.css';
import { router } from './router.svelte';
import { watchIdle } from './session/idle';

const target = document.getElementById('app');
if (target) {
  router.start();
  void session.start();
  // Not `await`: the catalogue's chunk imports from this one, and would wait for its end.
  void startEnglish().then(
    () => mount(ConsoleApp, { target }),
    () => (target.textContent = 'The console could not be loaded. Check the connection, then reload it.'),
  );
  watchIdle(() => {
    if (!session.account) return;
    toasts.success(m.idle());
    // The session ends on the server by itself, should it be away.
    void session.signOut().catch(() => undefined);
  });
}
