// Shows what an update would have changed in a part that may not change: a unified diff of both as JSON.

const contextLines = 3;
/** Pairs of lines that are compared at most. Beyond, all lines that may differ are shown as removed and added. */
const maxComparisons = 1_000_000;

interface Line {
  sign: ' ' | '-' | '+';
  text: string;
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
};

const linesOf = (value: unknown): string[] => (JSON.stringify(sorted(value), null, 1) ?? 'null').split('\n');

const signed = (sign: Line['sign'], lines: readonly string[]): Line[] => lines.map((text) => ({ sign, text }));

/** Lines kept, removed and added, by the longest common subsequence between the equal head and tail. */
function compareLines(a: readonly string[], b: readonly string[]): Line[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const middle = commonSubsequence(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return [...signed(' ', a.slice(0, head)), ...middle, ...signed(' ', a.slice(a.length - tail))];
}

function commonSubsequence(a: readonly string[], b: readonly string[]): Line[] {
  if (a.length * b.length > maxComparisons) return [...signed('-', a), ...signed('+', b)];
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const same = a[i] === b[j];
      lengths[i]![j] = same ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: ' ', text: a[i++]! });
      j++;
    } else if (i < a.length && (j === b.length || lengths[i + 1]![j]! >= lengths[i]![j + 1]!))
      lines.push({ sign: '-', text: a[i++]! });
    else lines.push({ sign: '+', text: b[j++]! });
  }
  return lines;
}

/** Hunks with three lines of context, as `diff -u` writes them without its file names. */
export function unifiedDiff(old: unknown, value: unknown): string {
  const lines = compareLines(linesOf(old), linesOf(value));
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - contextLines), i + contextLines + 1).some((l) => l.sign !== ' '),
  );
  const text: string[] = [];
  // Lines of the old and of the new text before the hunk.
  let [oldAt, newAt] = [0, 0];
  const count = (of: readonly Line[], without: string): number => of.filter(({ sign }) => sign !== without).length;
  for (let start = 0; start < lines.length; start++) {
    let end = start;
    while (end < lines.length && near[end]) end++;
    const hunk = lines.slice(start, Math.max(end, start + 1));
    const [removed, added] = [count(hunk, '+'), count(hunk, '-')];
    if (end > start) {
      text.push(`@@ -${oldAt + 1},${removed} +${newAt + 1},${added} @@`);
      for (const line of hunk) text.push(line.sign + line.text);
      start = end - 1;
    }
    oldAt += removed;
    newAt += added;
  }
  return text.map((line) => `${line}\n`).join('');
}
