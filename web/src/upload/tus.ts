// Owns sending one file by tus (https://tus.io/protocols/resumable-upload): where it resumes, which errors are retried,
// which are final. Does not own the queue. The tus client is loaded with the first upload.
import type { DetailedError, HttpRequest, HttpResponse, UploadOptions } from 'tus-js-client';
import { Problem, problemFromText, unreachable } from '../api/problem';
import { isAway, isTurnedOff } from '../api/retrier';
import { session } from '../session/session.svelte';

export interface UploadRequest {
  file: File;
  name: string;
  type: string;
  tags: string[];
  visibility: string;
  /** The URL of an interrupted upload, or `null` for a new one. */
  uploadUrl: string | null;
  /** Returns the `Idempotency-Key` of the request that creates the upload. */
  creationKey(): string;
  onUrl(uploadUrl: string): void;
  onProgress(sent: number): void;
  /** Called when the server has stored a part, or has said how far an upload is. */
  onAccepted(): void;
  onFinished(mediaId: string | null): void;
  onFailed(problem: Problem): void;
}

export interface RunningUpload {
  /** Stops sending; the server keeps the bytes that it has received. */
  stop(): Promise<void>;
}

const CREATION_PATH = '/v1/uploads';
const RETRY_DELAYS_MS = [0, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];
/** Up to this size the bytes are sent with the request that creates the upload: one round trip less. */
const SINGLE_REQUEST_MAX_BYTES = 1024 * 1024;

export async function send(request: UploadRequest): Promise<RunningUpload> {
  const { Upload } = await import('tus-js-client');
  let mediaId: string | null = null;
  let lastToken: string | null = null;

  const options: UploadOptions = {
    endpoint: CREATION_PATH,
    uploadUrl: request.uploadUrl,
    uploadSize: request.file.size,
    uploadDataDuringCreation: request.file.size <= SINGLE_REQUEST_MAX_BYTES,
    retryDelays: RETRY_DELAYS_MS,
    // The queue stores upload URLs itself; a second store could disagree.
    storeFingerprintForResuming: false,
    metadata: {
      filename: request.name,
      filetype: request.type,
      tags: request.tags.join(','),
      visibility: request.visibility,
    },
    async onBeforeRequest(httpRequest: HttpRequest) {
      lastToken = await session.tokens.token();
      if (lastToken) httpRequest.setHeader('Authorization', `Bearer ${lastToken}`);
      if (httpRequest.getMethod() === 'POST' && httpRequest.getURL() === CREATION_PATH) httpRequest.setHeader('Idempotency-Key', request.creationKey());
    },
    async onAfterResponse(_request: HttpRequest, response: HttpResponse) {
      mediaId = response.getHeader('Tutti-Media-Id') ?? mediaId;
      if (response.getStatus() < 300) request.onAccepted();
      // The retry must not send the rejected token again.
      if (response.getStatus() === 401) await session.tokens.renew(lastToken);
    },
    onShouldRetry: (error: Error | DetailedError) => {
      // While the server is away the queue waits for it, for all uploads together.
      if (isAway(problemOf(error)) || isTurnedOff(problemOf(error))) return false;
      const status = statusOf(error);
      return status === 401 || status === 409 || status === 423 || status === 429 || status >= 500;
    },
    onUploadUrlAvailable: () => {
      if (upload.url) request.onUrl(upload.url);
    },
    onProgress: (sent) => request.onProgress(sent),
    onSuccess: () => request.onFinished(mediaId),
    onError: (error) => request.onFailed(problemOf(error)),
  };
  const upload = new Upload(request.file, options);
  upload.start();
  return { stop: () => upload.abort(false) };
}

/** Deletes an unfinished upload, so that the server need not keep its bytes until they expire. */
export async function terminate(uploadUrl: string): Promise<void> {
  const { Upload } = await import('tus-js-client');
  const token = await session.tokens.token();
  await Upload.terminate(uploadUrl, { headers: token ? { Authorization: `Bearer ${token}` } : {} }).catch(() => undefined);
}

function statusOf(error: Error | DetailedError): number {
  return ('originalResponse' in error && error.originalResponse?.getStatus()) || 0;
}

function problemOf(error: Error | DetailedError): Problem {
  const status = statusOf(error);
  if (status === 0) return unreachable();
  const body = 'originalResponse' in error ? error.originalResponse?.getBody() : '';
  return problemFromText(status, body ?? '');
}
