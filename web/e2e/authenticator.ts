// Owns an authenticator app for tests: the codes of RFC 6238.
import { createHmac } from 'node:crypto';

/** The code of an authenticator app with this key, `ahead` steps of 30 s from now. */
export function appCode(key: string, ahead = 0): string {
  const bits = [...key.replaceAll(' ', '')].map((char) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(char).toString(2).padStart(5, '0')).join('');
  const secret = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const mac = createHmac('sha1', secret).update(step).digest();
  const offset = (mac[19] ?? 0) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
