// Owns the filters of a page: what its form has, and what its URL says. Does not own the list.
// Invariant: the list is fetched again whenever the URL changes, and the form then has what the URL says.
import { untrack } from 'svelte';
import { filterUrl, readFilter, type Filter } from './filterUrl';
import { router } from './router.svelte';

export class ListFilter<Field extends string> {
  /** What the form has. */
  values = $state({} as Filter<Field>);

  /** Must be made while a component is. `reload` fetches the list again; `check` throws what cannot be searched for. */
  constructor(
    readonly page: string,
    private readonly fields: readonly Field[],
    private readonly reload: () => Promise<void>,
    private readonly check: (values: Filter<Field>) => void = () => undefined,
  ) {
    this.values = untrack(() => this.current);
    $effect(() => {
      this.values = this.current;
      untrack(() => void reload());
    });
  }

  /** What the URL says. */
  get current(): Filter<Field> {
    return readFilter(this.fields, router.query);
  }

  get isSet(): boolean {
    return filterUrl(this.page, this.current) !== this.page;
  }

  /** Searches for what the form has. */
  apply = async (): Promise<void> => {
    this.check(this.values);
    const path = filterUrl(this.page, this.values);
    if (path === filterUrl(this.page, this.current)) await this.reload();
    else router.go(path);
  };
}
