// The order of a list after a strategic merge: what the patch names follows the patch, what only the server has keeps its
// place relative to its old neighbours.

type Item = unknown;

/** What identifies an item: itself, or the value of its merge key. */
export type Identity = (item: Item) => unknown;

const placeIn = (list: readonly Item[], item: Item, identity: Identity): number => {
  const wanted = identity(item);
  return list.findIndex((other) => identity(other) === wanted);
};

/** Insertion sort by the place in `order`; an item that is not there moves to the front, as in the reference. */
function sortedBy(items: readonly Item[], order: readonly Item[], identity: Identity): Item[] {
  const sorted = [...items];
  const places = sorted.map((item) => placeIn(order, item, identity));
  for (let i = 1; i < sorted.length; i++) {
    for (let j = i; j > 0; j--) {
      const [before, after] = [places[j - 1]!, places[j]!];
      if (after >= 0 && before >= 0 && after >= before) break;
      [sorted[j - 1], sorted[j]] = [sorted[j], sorted[j - 1]];
      [places[j - 1], places[j]] = [after, before];
    }
  }
  return sorted;
}

/** Interleaves two sorted lists: an item of `left` goes first where the server had it before the item of `right`. */
function interleave(
  left: readonly Item[],
  right: readonly Item[],
  serverOrder: readonly Item[],
  identity: Identity,
): Item[] {
  const all: Item[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i >= left.length) all.push(right[j++]);
    else if (j >= right.length) all.push(left[i++]);
    else {
      const l = placeIn(serverOrder, left[i], identity);
      const r = placeIn(serverOrder, right[j], identity);
      all.push(l >= 0 && r >= 0 && l < r ? left[i++] : right[j++]);
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
  const named = (item: Item): boolean => placeIn(patchOrder, item, identity) >= 0;
  const fromPatch = sortedBy(merged.filter(named), patchOrder, identity);
  const serverOnly = sortedBy(
    merged.filter((item) => !named(item)),
    serverOrder,
    identity,
  );
  return interleave(serverOnly, fromPatch, serverOrder, identity);
}
