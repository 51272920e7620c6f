// Owns the types of `http_ece`, which has none: the part that the tests use.
declare module 'http_ece' {
  import type { ECDH } from 'node:crypto';

  const encryptedContent: {
    /** Opens a message (RFC 8188); fails if it was changed, or is for another key. */
    decrypt(message: Buffer, options: { version: 'aes128gcm'; privateKey: ECDH; authSecret: string }): Buffer;
  };
  export default encryptedContent;
}
