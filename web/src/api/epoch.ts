// Owns what the page does when the installation was restored from a backup: it starts anew, because what it shows, and
// where its lists continue, may be of a time that did not happen. The server tells by the header `Tutti-Epoch`.

let seen: string | null | undefined;

/** Reloads the page if a response is of another epoch than the first one. */
export function noteEpoch(response: Response, reload: () => void = () => location.reload()): void {
  const epoch = response.headers.get('Tutti-Epoch');
  if (seen === undefined) {
    seen = epoch;
    return;
  }
  // A gateway that has just started may not know it yet, and sends none.
  if (epoch === null || epoch === seen) return;
  seen = epoch;
  reload();
}
