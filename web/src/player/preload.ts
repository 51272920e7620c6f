// Owns when a player fetches its stream: before Play on a desktop, so that Play is immediate; with Play on a phone or
// where the member saves data, because most pages that are opened there are not played.

export interface Device {
  hasCoarsePointer: boolean;
  width: number;
  savesData: boolean;
}

/** Below this width the page has its phone layout. */
const PHONE_WIDTH_PX = 720;

export const loadsBeforePlay = (device: Device): boolean => !device.hasCoarsePointer && device.width >= PHONE_WIDTH_PX && !device.savesData;

export const thisDevice = (): Device => ({
  hasCoarsePointer: matchMedia('(pointer: coarse)').matches,
  width: innerWidth,
  savesData: (navigator as Navigator & { connection?: { saveData?: boolean } }).connection?.saveData ?? false,
});
