// Owns how a code is read as it is typed: the digits of other keyboards (Arabic, Persian, full width) count as those of ASCII.

export const typedCode = (text: string): string => text.trim().replace(/[\u0660-\u0669\u06f0-\u06f9\uff10-\uff19]/g, (digit) => String(digit.charCodeAt(0) & 0xf));
