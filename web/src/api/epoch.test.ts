// Proves that the page starts anew when the installation was restored.
import { expect, it, vi } from 'vitest';
import { noteEpoch } from './epoch';

function response(epoch?: string): Response {
  return new Response(null, epoch === undefined ? {} : { headers: { 'Tutti-Epoch': epoch } });
}

it('starts anew once when the epoch is another one, and not for a response without one', () => {
  const reload = vi.fn();
  for (const epoch of ['7', '7', undefined, '8', '8', undefined]) noteEpoch(response(epoch), reload);
  expect(reload).toHaveBeenCalledTimes(1);
});
