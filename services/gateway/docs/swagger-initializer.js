// Points Swagger UI at this server's own OpenAPI document. Served under /docs in place of Swagger UI's own initializer.
// Also mends what a screen reader or a keyboard can't use in Swagger UI's markup; `web/e2e/accessibility.spec.ts` looks.

const accessible = {
  wrapComponents: {
    // The path of an operation is inside of the button that opens it, where a link can't be. Opening it sets the URL.
    DeepLink: (Original, { React }) => ({ text }) => React.createElement('span', null, text),
  },
};

// Controls without a name, and the name that they get.
const NAMES = {
  '.close-modal': 'Dismiss',
  'select.examples-select-element': 'Example',
  'input[type="file"]': 'File',
};

function mend(root) {
  for (const [selector, name] of Object.entries(NAMES)) {
    for (const element of root.querySelectorAll(`${selector}:not([aria-label])`)) element.setAttribute('aria-label', name);
  }
  // The title is a first heading, and no other one is a second.
  for (const heading of root.querySelectorAll('h3, h4, h5, h6')) heading.setAttribute('aria-level', heading.tagName[1] - 1);
  // A table is not a landmark.
  for (const table of root.querySelectorAll('table[role="region"]')) table.removeAttribute('role');
  for (const example of root.querySelectorAll('pre.microlight:not([tabindex])')) {
    if (example.scrollWidth > example.clientWidth || example.scrollHeight > example.clientHeight) example.tabIndex = 0;
  }
}

window.onload = () => {
  const root = document.getElementById('swagger-ui');
  let frame;
  new MutationObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => mend(root));
  }).observe(root, { childList: true, subtree: true });
  window.ui = SwaggerUIBundle({
    url: '/v1/openapi.json',
    dom_id: '#swagger-ui',
    deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [accessible],
    // Without a bar for the URLs of other documents.
    layout: 'BaseLayout',
    // No request goes to another host.
    validatorUrl: null,
  });
};
