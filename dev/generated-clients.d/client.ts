// A program that uses the types that openapi-typescript makes of docs/openapi.json, with openapi-fetch.
//
// Signs up, sends a photo as a form, as the body and by tus, lists the library, and reads an error. Invariant: every path, parameter and field
// in it is checked against the document by the compiler. A body that is bytes has the type string there, so it is cast.
import assert from 'node:assert/strict';
import { crc32, deflateSync } from 'node:zlib';
import createClient from 'openapi-fetch';
import type { components, paths } from './schema.js';

type Media = components['schemas']['Media'];
type Problem = components['schemas']['Problem'];

const site = process.env['TUTTI_SERVER_URL'];
assert.ok(site);

/** Returns the bytes of a grey PNG of 8 × 8 pixels. */
function photo(): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const chunk = (kind: string, data: Uint8Array) => {
    const checked = Buffer.concat([Buffer.from(kind), data]);
    return Buffer.concat([number(data.length), checked, number(crc32(checked))]);
  };
  const header = Buffer.concat([number(8), number(8), Buffer.from([8, 0, 0, 0, 0])]);
  const rows = Buffer.concat(Array.from({ length: 8 }, () => Buffer.from([0, ...Array<number>(8).fill(120)])));
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([start, chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

const client = createClient<paths>({ baseUrl: site });
const person = { handle: 'typescript', email: 'typescript@example.org', password: 'correct horse battery staple' };
const signedIn = await client.POST('/v1/accounts', { body: person });
assert.ok(signedIn.data, JSON.stringify(signedIn.error));
const again = await client.POST('/v1/accounts', { body: person });
const taken: Problem | undefined = again.error;
assert.equal(taken?.code, 'accounts.handle_taken');
const token = signedIn.data.access_token;
client.use({ onRequest: ({ request }) => request.headers.set('Authorization', `Bearer ${token}`) });

const png = photo();
const bytes = (body: Uint8Array) => body as unknown as string;
const asItIs = (body: unknown) => body as Uint8Array<ArrayBuffer>;
const ofForm = await client.POST('/v1/media/form', {
  body: { file: bytes(png), tags: 'form' },
  bodySerializer: (fields) => {
    const form = new FormData();
    form.set('tags', fields.tags ?? '');
    form.set('file', new File([asItIs(fields.file)], 'form.png'));
    return form;
  },
});
assert.deepEqual(ofForm.data?.tags, ['form'], JSON.stringify(ofForm.error));
const ofBody = await client.POST('/v1/media', {
  params: { query: { name: 'body.png' } },
  headers: { 'Content-Type': 'application/octet-stream' },
  body: bytes(png),
  bodySerializer: asItIs,
});
assert.equal(ofBody.response.status, 201, JSON.stringify(ofBody.error));

const begun = await client.POST('/v1/uploads', {
  params: { header: { 'Tus-Resumable': '1.0.0', 'Upload-Length': png.length, 'Upload-Metadata': 'filename dHVzLnBuZw==' } },
});
const id = begun.response.headers.get('Location')?.split('/').at(-1) ?? '';
assert.equal(begun.response.status, 201, JSON.stringify(begun.error));
for (const [start, end] of [[0, 20], [20, png.length]] as const) {
  const appended = await client.PATCH('/v1/uploads/{id}', {
    params: { path: { id }, header: { 'Tus-Resumable': '1.0.0', 'Upload-Offset': start } },
    headers: { 'Content-Type': 'application/offset+octet-stream' },
    body: bytes(png.subarray(start, end)),
    bodySerializer: asItIs,
  });
  assert.equal(appended.response.headers.get('Upload-Offset'), `${end}`, JSON.stringify(appended.error));
}

const items: Media[] = [];
for (let after: string | undefined; ; ) {
  const page = await client.GET('/v1/media', { params: { query: { limit: 2, ...(after === undefined ? {} : { after }) } } });
  assert.ok(page.data, JSON.stringify(page.error));
  items.push(...page.data.items);
  if (!page.data.next) break;
  after = page.data.next;
}
assert.equal(items.length, 3);
assert.ok(items[0]?.name.startsWith('tus'));

const missing = await client.GET('/v1/media/{id}', { params: { path: { id: '5kT0vYq8Zb3mXw1RcHs9Ga' } } });
assert.equal(missing.error?.code, 'media.not_found');
console.log('openapi-typescript: signed up, sent three files, listed them, and read two errors');
