// Owns the start: loads the styles, starts the router and the session, and mounts the app.
import { mount } from 'svelte';
import App from './App.svelte';
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
  if (!isEmbedded) void session.start();
  mount(App, { target });
  if (!isEmbedded) registerServiceWorker();
}
