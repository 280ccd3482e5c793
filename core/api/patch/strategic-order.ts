// The order of a list after a strategic merge: what the patch names follows the patch, what only the server has keeps its
// place relative to its old neighbours.

type Item = unknown;

/** What identifies an item: itself, or the value of its merge key. */
export type Identity = (item: Item) => unknown;

/** Where each item of a list stands, by what identifies it; the first of equal ones counts. */
type Places = ReadonlyMap<unknown, number>;

function placesIn(list: readonly Item[], identity: Identity): Places {
  const places = new Map<unknown, number>();
  for (const [place, item] of list.entries()) if (!places.has(identity(item))) places.set(identity(item), place);
  return places;
}

/** By the place in `order`; items that are not there come first, the last of them foremost, as in the reference. */
function sortedBy(items: readonly Item[], order: Places, identity: Identity): Item[] {
  const placed = items.map((item) => ({ item, place: order.get(identity(item)) }));
  const known = placed.filter(({ place }) => place !== undefined).sort((a, b) => a.place! - b.place!);
  const unknown = placed.filter(({ place }) => place === undefined).reverse();
  return [...unknown, ...known].map(({ item }) => item);
}

/** Interleaves two sorted lists: an item of `left` goes first where the server had it before the item of `right`. */
function interleave(left: readonly Item[], right: readonly Item[], serverOrder: Places, identity: Identity): Item[] {
  const all: Item[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i >= left.length) all.push(right[j++]);
    else if (j >= right.length) all.push(left[i++]);
    else {
      const l = serverOrder.get(identity(left[i]));
      const r = serverOrder.get(identity(right[j]));
      all.push(l !== undefined && r !== undefined && l < r ? left[i++] : right[j++]);
    }
  }
  return all;
}

/** `merged`, with the items that `patchOrder` names in its order and the others in the server's. */
export function orderMerged(
  merged: readonly Item[],
  patchOrder: readonly Item[],
  serverOrder: readonly Item[],
  identity: Identity,
): Item[] {
  const asked = placesIn(patchOrder, identity);
  const standing = placesIn(serverOrder, identity);
  const named = (item: Item): boolean => asked.has(identity(item));
  const fromPatch = sortedBy(merged.filter(named), asked, identity);
  const serverOnly = sortedBy(
    merged.filter((item) => !named(item)),
    standing,
    identity,
  );
  return interleave(serverOnly, fromPatch, standing, identity);
}
