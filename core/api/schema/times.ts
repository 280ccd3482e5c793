// metav1.Time and metav1.MicroTime: what Go's time.Parse takes, and what is written again (UTC).

/** Result of parsing: the normalised text ('' for Go's zero time), or the error that Go words. */
export type ParsedTime = { text: string } | { error: string };

const plain = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/;
const zeroTime = '0001-01-01T00:00:00';
const daysIn = (year: number, month: number): number => new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();

interface Layout {
  text: string;
  /** Element of the layout, as Go names it in messages, and what stands for it. */
  elements: [string, RegExp][];
}

const zone: [string, RegExp] = ['Z07:00', /^(?:Z|[+-]\d\d:\d\d)/];
const dateAndTime: [string, RegExp][] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d\d/],
  ['-', /^-/],
  ['02', /^\d\d/],
  ['T', /^T/],
  ['15', /^\d\d?/],
  [':', /^:/],
  ['04', /^\d\d/],
  [':', /^:/],
];
const seconds: Layout = {
  text: '2006-01-02T15:04:05Z07:00',
  elements: [...dateAndTime, ['05', /^\d\d(?:[.,]\d+)?/], zone],
};
const micros: Layout = {
  text: '2006-01-02T15:04:05.000000Z07:00',
  elements: [...dateAndTime, ['05', /^\d\d/], ['.000000', /^[.,]\d{6}/], zone],
};

function outOfRange(parts: string[]): string | undefined {
  const [year, month, day, hour, minute, second] = [0, 2, 4, 6, 8, 10].map((i) =>
    Number.parseInt(parts[i]!, 10),
  ) as number[];
  if (month! < 1 || month! > 12) return 'month';
  if (hour! > 23) return 'hour';
  if (minute! > 59) return 'minute';
  if (second! > 59) return 'second';
  return day! < 1 || day! > daysIn(year!, month!) ? 'day' : undefined;
}

function parse(text: string, layout: Layout): { parts: string[] } | { error: string } {
  const parts: string[] = [];
  let rest = text;
  for (const [element, pattern] of layout.elements) {
    const found = pattern.exec(rest)?.[0];
    if (found === undefined) {
      return {
        error: `parsing time ${JSON.stringify(text)} as "${layout.text}": cannot parse ${JSON.stringify(rest)} as "${element}"`,
      };
    }
    parts.push(found);
    rest = rest.slice(found.length);
  }
  if (rest !== '') return { error: `parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}` };
  const range = outOfRange(parts);
  return range ? { error: `parsing time ${JSON.stringify(text)}: ${range} out of range` } : { parts };
}

/** In UTC, to the second, without the Z. */
function inUtc(parts: string[]): string {
  const [year, month, day, hour, minute, second] = [0, 2, 4, 6, 8, 10].map((i) =>
    Number.parseInt(parts[i]!, 10),
  ) as number[];
  const date = new Date(0);
  date.setUTCFullYear(year!, month! - 1, day!);
  date.setUTCHours(hour!, minute!, second!);
  const offset = /^([+-])(\d\d):(\d\d)$/.exec(parts.at(-1)!);
  if (offset) {
    const shift = (Number(offset[2]) * 60 + Number(offset[3])) * 60_000;
    date.setTime(date.getTime() + (offset[1] === '+' ? -shift : shift));
  }
  const iso = date.toISOString();
  return iso.slice(0, iso.indexOf('.'));
}

/** metav1.Time: RFC 3339, written again in UTC to the second. */
export function parseTime(text: string): ParsedTime {
  const quick = plain.exec(text);
  if (quick && Number(quick[2]) <= 12 && Number(quick[2]) > 0 && Number(quick[3]) <= 28 && Number(quick[3]) > 0) {
    if (Number(quick[4]) < 24 && Number(quick[5]) < 60 && Number(quick[6]) < 60 && !text.startsWith('000'))
      return { text };
  }
  const parsed = parse(text, seconds);
  if ('error' in parsed) return parsed;
  const utc = inUtc(parsed.parts);
  return { text: utc === zeroTime ? '' : `${utc}Z` };
}

/** metav1.MicroTime: RFC 3339 with six digits of a second. */
export function parseMicroTime(text: string): ParsedTime {
  const parsed = parse(text, micros);
  if ('error' in parsed) return parsed;
  const utc = inUtc(parsed.parts);
  const fraction = parsed.parts[11]!.slice(1);
  return { text: utc === zeroTime && fraction === '000000' ? '' : `${utc}.${fraction}Z` };
}
