// Owns the names of what a reader can do with a message, beside reacting to it.

export type Act = 'reply' | 'edit' | 'remove' | 'remove-for-all' | 'report' | 'appeal';
