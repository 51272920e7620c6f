// Owns the start: loads the styles, starts the router and the session, loads the language, and mounts the app.
import { mount } from 'svelte';
import App from './App.svelte';
import { startLanguage } from './messages/language.svelte';
import { followOpenedNotices } from './push/openedNotices';
import { startPush } from './push/startPush';
import { router } from './router/router.svelte';
import { session } from './session/session.svelte';
import { registerServiceWorker } from './shell/register';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';

const target = document.getElementById('app');
if (target) {
  router.start();
  // A page in a frame of another site has no session: a member could be made to click on it unseen.
  const isEmbedded = router.route.name === 'embed';
  // Not `await`: the language's chunk imports from this one, and would wait for its end.
  void startLanguage().then(
    () => mount(App, { target }),
    // No text of any language could be fetched.
    () => (target.textContent = 'This page could not be loaded. Check the connection, then reload it.'),
  );
  if (!isEmbedded) {
    void session.start().then(startPush);
    registerServiceWorker();
    followOpenedNotices();
  }
}
