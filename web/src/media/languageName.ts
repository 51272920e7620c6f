// Owns how a language is called in itself, which is what its speakers look for in a menu. Uses no browser API but Intl.

/** Returns the name of a language tag in that language; the tag itself where the browser knows no name, or no such tag. */
export function languageName(tag: string): string {
  try {
    const name = new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return tag;
  }
}
