// Owns how the configuration of several processes is compared: of each key its values, and which processes have each.
// Uses no browser API. Invariant: every value of every process is in the result.
import type { ConfigurationValue } from '../api/types';

export interface SettingValue {
  /** `null`: not set, or hidden. */
  text: string | null;
  /** Whether it is a secret, or a part of it is one that the server left out. */
  isHidden: boolean;
  source: string;
  processes: string[];
}

export interface Setting {
  key: string;
  description: string;
  /** The one that most processes have is the first. */
  values: SettingValue[];
  /** Whether processes have different values. What is hidden cannot be compared. */
  differs: boolean;
}

/** Returns the settings by key. */
export function settingsOf(items: readonly ConfigurationValue[]): Setting[] {
  const settings = new Map<string, Setting>();
  for (const { key, value, hidden, source, description, process } of items) {
    const setting = settings.get(key) ?? { key, description, values: [], differs: false };
    settings.set(key, setting);
    const same = setting.values.find((one) => one.text === value && one.isHidden === hidden && one.source === source);
    if (same) same.processes.push(process);
    else setting.values.push({ text: value, isHidden: hidden, source, processes: [process] });
  }
  for (const setting of settings.values()) {
    setting.values.sort((a, b) => b.processes.length - a.processes.length);
    setting.differs = new Set(setting.values.map(({ text }) => text)).size > 1;
  }
  return [...settings.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Returns the parts of a key between which a line may break: `media.`, `max_`, `albums`. */
export const keyParts = (key: string): string[] => key.split(/(?<=[._])/);

export interface SettingFilter {
  /** A part of the key or of the description. */
  text: string;
  /** Only what is not the default. */
  onlySet: boolean;
}

export function matching(settings: readonly Setting[], { text, onlySet }: SettingFilter): Setting[] {
  const words = text.trim().toLowerCase().split(/\s+/);
  return settings.filter(({ key, description, values }) => {
    const content = `${key} ${description}`.toLowerCase();
    return words.every((word) => content.includes(word)) && (!onlySet || values.some(({ source }) => source !== 'default'));
  });
}
