// Owns the page's icons: one row each, on a 24 by 24 grid with strokes of 1.75. Solid shapes have `fill`. Shapes that point
// along the line of reading are `directional`: where that runs right to left, they are mirrored.
export interface IconShape {
  d: string;
  fill?: true;
  directional?: true;
}

export const ICONS = {
  play: { d: 'M7 4.6v14.8a.8.8 0 0 0 1.2.7l12-7.4a.8.8 0 0 0 0-1.4l-12-7.4a.8.8 0 0 0-1.2.7z', fill: true },
  pause: { d: 'M7 4h3a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zm7 0h3a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1h-3a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1z', fill: true },
  volume: { d: 'M4 9.5v5h3.5L12 19V5L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11' },
  mute: { d: 'M4 9.5v5h3.5L12 19V5L7.5 9.5zM16 9.5l5 5m0-5l-5 5' },
  sliders: { d: 'M4 7h9m4 0h3M4 17h3m4 0h9M13 4.5v5M7 14.5v5' },
  enlarge: { d: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5' },
  shrink: { d: 'M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5' },
  captions: { d: 'M4 5h16v14H4zM10.5 10.5a2 2 0 1 0 0 3M17 10.5a2 2 0 1 0 0 3' },
  popOut: { d: 'M4 5h16v14H4zM12.5 12.5H17v3.5h-4.5z' },
  plus: { d: 'M12 5v14M5 12h14' },
  minus: { d: 'M5 12h14' },
  search: { d: 'M11 4.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM16 16l4.5 4.5' },
  close: { d: 'M6 6l12 12M18 6L6 18' },
  check: { d: 'M5 12.5l4.5 4.5L19 7.5' },
  edit: { d: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4' },
  tag: { d: 'M4 4h8l8.5 8.5-8 8L4 12zM8.5 8.5h.01' },
  share: { d: 'M12 15V4m0 0L8 8m4-4l4 4M5 13v6a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1v-6' },
  trash: { d: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5m4-5v5' },
  download: { d: 'M12 4v11m0 0l-4-4m4 4l4-4M5 20h14' },
  copy: { d: 'M9 9h10a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1zM5 15H4V5a1 1 0 0 1 1-1h10v1' },
  sun: { d: 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2.5v2m0 15v2m9.5-9.5h-2m-15 0h-2M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4m13.4 0l-1.4-1.4M6.7 6.7L5.3 5.3' },
  moon: { d: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z' },
  auto: { d: 'M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 3.5v17M12 8h5.5M12 12h8.2M12 16h5.5' },
  person: { d: 'M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.5 20.5c.6-4 3.6-6 7.5-6s6.9 2 7.5 6' },
  people: { d: 'M9 5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM2.5 19.5c.5-3.6 3-5.4 6.5-5.4s6 1.8 6.5 5.4M15.5 5.4a3.5 3.5 0 0 1 0 6.2M18 14.6c2 .7 3.2 2.4 3.5 4.9' },
  heart: { d: 'M12 20s-7.5-4.6-7.5-10A4.4 4.4 0 0 1 12 7.2 4.4 4.4 0 0 1 19.5 10c0 5.4-7.5 10-7.5 10z' },
  comment: { d: 'M4 5h16v11.5h-8L7.5 20v-3.5H4z' },
  repost: { d: 'M4 13V9a2 2 0 0 1 2-2h11m0 0l-3-3m3 3l-3 3M20 11v4a2 2 0 0 1-2 2H7m0 0l3 3m-3-3l3-3' },
  save: { d: 'M6.5 4h11v16L12 15.5 6.5 20z' },
  saved: { d: 'M6.5 3.5h11a.8.8 0 0 1 .8.8v16.2L12 16l-6.3 4.5V4.3a.8.8 0 0 1 .8-.8z', fill: true },
  flag: { d: 'M5.5 21V4m0 .5c4-2 7 2 13 0v9c-6 2-9-2-13 0' },
  feed: { d: 'M4 4h16v9H4zM4 17h16M4 20.5h10' },
  compass: { d: 'M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM15.5 8.5l-2 5-5 2 2-5z' },
  camera: { d: 'M4 7.5h3.5L9 5h6l1.5 2.5H20V19H4zM12 9.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7z' },
  grid: { d: 'M4 4h7v9H4zM15 4h5v5h-5zM15 13h5v7h-5zM4 17h7v3H4z' },
  photo: { d: 'M4 5h16v14H4zM4 16l5-5 4.5 4.5L16 13l4 4M15.5 8.5h.01' },
  audio: { d: 'M9 18V6l10-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zm10-2a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z' },
  video: { d: 'M4 6h11v12H4zM15 10.5l5-3v9l-5-3' },
  lock: { d: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3' },
  link: { d: 'M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1' },
  globe: { d: 'M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM3.5 12h17M12 3.5c5 5 5 12 0 17c-5-5-5-12 0-17' },
  back: { d: 'M19 12H5m0 0l6-6m-6 6l6 6', directional: true },
  retry: { d: 'M19.5 8A8.5 8.5 0 1 0 20.5 12M20 3.5V8h-4.5' },
  upload: { d: 'M12 20V6m0 0l-5 5m5-5l5 5M5 3h14' },
  left: { d: 'M14.5 6l-6 6 6 6', directional: true },
  right: { d: 'M9.5 6l6 6-6 6', directional: true },
  grip: { d: 'M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01' },
  up: { d: 'M6 15l6-6 6 6' },
  down: { d: 'M6 9l6 6 6-6' },
  warning: { d: 'M12 4l9 16H3zM12 10v4.5m0 3h.01' },
  album: { d: 'M4 8.5h11.5V20H4zM8 5h11.5v11.5' },
  folder: { d: 'M3.5 6h6l2 2.5h9V19h-17z' },
} as const satisfies Record<string, IconShape>;

export type IconName = keyof typeof ICONS;
