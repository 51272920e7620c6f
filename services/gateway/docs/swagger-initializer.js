// Points Swagger UI at this server's own OpenAPI document. Served under /docs in place of Swagger UI's own initializer.
window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: '/v1/openapi.json',
    dom_id: '#swagger-ui',
    deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    plugins: [SwaggerUIBundle.plugins.DownloadUrl],
    layout: 'StandaloneLayout',
    // No request goes to another host.
    validatorUrl: null,
  });
};
