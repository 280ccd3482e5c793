// Shows what an update would have changed in a part that may not change: a unified diff of both as JSON.

const contextLines = 3;

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

/** Lines kept, removed and added, by the longest common subsequence between the equal head and tail. */
function compareLines(a: readonly string[], b: readonly string[]): Line[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const keep = (lines: readonly string[]): Line[] => lines.map((text) => ({ sign: ' ', text }));
  const middle = commonSubsequence(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return [...keep(a.slice(0, head)), ...middle, ...keep(a.slice(a.length - tail))];
}

function commonSubsequence(a: readonly string[], b: readonly string[]): Line[] {
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
  let text = '';
  for (let start = 0; start < lines.length; start++) {
    if (!near[start]) continue;
    let end = start;
    while (end < lines.length && near[end]) end++;
    const before = (sign: string) => lines.slice(0, start).filter((line) => line.sign !== sign).length + 1;
    const count = (sign: string) => lines.slice(start, end).filter((line) => line.sign !== sign).length;
    text += `@@ -${before('+')},${count('+')} +${before('-')},${count('-')} @@\n`;
    for (const line of lines.slice(start, end)) text += `${line.sign}${line.text}\n`;
    start = end;
  }
  return text;
}
