// Proves that a code is the same, whatever keyboard it is typed on.
import { expect, it } from 'vitest';
import { typedCode } from './typedCode';

it('reads the digits of every keyboard', () => {
  for (const code of ['123 456', '١٢٣ ٤٥٦', '۱۲۳ ۴۵۶', '１２３ ４５６', ' 123 456\n']) expect(typedCode(code)).toBe('123 456');
  expect(typedCode('ABCD-٠٩')).toBe('ABCD-09');
});
