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
  void session.start();
  mount(App, { target });
  registerServiceWorker();
}
