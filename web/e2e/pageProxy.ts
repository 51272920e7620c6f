// Owns serving a build of the page in front of the server (TUTTI_PAGE names its folder), so that a change of the page is
// tested without a new binary. What is not a file of the page is the server's.
// Invariant: while the server is away, so is the page: no connection is accepted and none stays open.
import { readFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';

export const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};

const SERVER_PATHS = /^\/(v1|docs|oembed|internal|metrics|readyz|healthz|\.well-known)(\/|$)/;

export class PageProxy {
  #server: Server | null = null;
  #policy = '';

  constructor(
    public folder: string,
    private readonly port: number,
    private readonly serverPort: number,
    /** What is shown at every path that is no file. */
    private readonly document: 'index.html' | 'console.html' = 'index.html',
  ) {}

  async start(): Promise<void> {
    const policy = (await fetch(`http://127.0.0.1:${this.serverPort}/`)).headers.get('content-security-policy') ?? '';
    this.#policy = policy.includes('manifest-src') ? policy : `${policy}; manifest-src 'self'`;
    const server = createServer((incoming, response) => void this.#respond(incoming, response));
    await new Promise<void>((ready) => server.listen(this.port, '127.0.0.1', ready));
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    const closed = new Promise((done) => server.close(done));
    server.closeAllConnections();
    await closed;
  }

  async #respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(incoming.url ?? '/', 'http://tutti.invalid').pathname;
    if (SERVER_PATHS.test(path)) return this.#forward(incoming, response);
    const isFile = /\.\w+$/.test(path) && !path.startsWith('/u/');
    const file = isFile ? path : `/${this.document}`;
    const body = await readFile(join(this.folder, file)).catch(() => null);
    const isFramed = path.startsWith('/embed/');
    response.writeHead(body === null ? 404 : 200, {
      'Content-Type': CONTENT_TYPES[extname(file)] ?? 'application/octet-stream',
      'Content-Security-Policy': isFramed ? this.#policy.replace("frame-ancestors 'none'", 'frame-ancestors *') : this.#policy,
      'Cache-Control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      ...(isFramed ? {} : { 'X-Frame-Options': 'DENY' }),
    });
    response.end(body ?? undefined);
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = incoming;
    const outgoing = request({ host: '127.0.0.1', port: this.serverPort, method, path: url, headers }, (from) => {
      response.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(response);
      from.on('error', () => response.destroy());
    });
    // As a dead server does: no response, and the connection ends.
    outgoing.on('error', () => incoming.socket.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }
}
