// Points Swagger UI at this server's own interface description. Served at /docs in place of the one that comes with Swagger UI.
window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: '/v1/openapi.json',
    dom_id: '#swagger-ui',
    deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    plugins: [SwaggerUIBundle.plugins.DownloadUrl],
    layout: 'StandaloneLayout',
    // Nothing is asked of another host.
    validatorUrl: null,
  });
};
