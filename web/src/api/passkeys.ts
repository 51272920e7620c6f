// Owns how the browser makes and uses passkeys (WebAuthn), with options of the server and responses for it.
// Does not own the operations that need them. Invariant: what goes wrong is an Error whose message can be shown.
import m from '#messages/factors';

/** Whether this browser can use passkeys on this page: only over https, or on localhost, and never for an IP address. */
export const canUsePasskeys = (): boolean => 'PublicKeyCredential' in globalThis && 'parseRequestOptionsFromJSON' in PublicKeyCredential && !/^[\d.]+$|^\[/.test(location.hostname);

/** The URL of this page under `localhost`, if it is open under an IP address of this machine, for which browsers make no passkeys. */
export function localhostUrl(): string | null {
  if (!/^127\.[\d.]+$|^\[::1\]$/.test(location.hostname)) return null;
  const url = new URL(location.href);
  url.hostname = 'localhost';
  return url.href;
}

/** Makes a passkey for the options of the server. Returns what the server verifies. */
export async function createPasskey(options: unknown): Promise<Record<string, never>> {
  const { publicKey } = options as { publicKey: PublicKeyCredentialCreationOptionsJSON };
  return toJson(() => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) }));
}

/** Asks for a passkey. Returns what the server verifies. */
export async function getPasskey(options: unknown): Promise<Record<string, never>> {
  const { publicKey } = options as { publicKey: PublicKeyCredentialRequestOptionsJSON };
  return toJson(() => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) }));
}

async function toJson(ceremony: () => Promise<Credential | null>): Promise<Record<string, never>> {
  try {
    const credential = await ceremony();
    if (!(credential instanceof PublicKeyCredential)) throw new Error(m.passkeyCancelled());
    return credential.toJSON() as Record<string, never>;
  } catch (cause) {
    if (!(cause instanceof DOMException)) throw cause;
    if (cause.name === 'InvalidStateError') throw new Error(m.passkeyExists());
    if (cause.name === 'SecurityError') throw new Error(m.passkeyWrongHost());
    throw new Error(m.passkeyCancelled());
  }
}
