// Owns how reactions are called and drawn.
import m from '#messages/talk';
import type { ReactionKind } from '../api/types';

const LABELS: Record<ReactionKind, () => string> = { like: m.like, love: m.love, laugh: m.laugh, wow: m.wow, sad: m.sad, applause: m.applause };

export const SIGNS: Record<ReactionKind, string> = { like: '👍', love: '❤️', laugh: '😂', wow: '😮', sad: '😢', applause: '👏' };

export const reactionLabel = (kind: ReactionKind): string => LABELS[kind]();
