// Cron schedules: five fields, names, ranges, steps and the @ words, in a time zone.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax

interface Field {
  values: ReadonlySet<number>;
  /** Written as `*` or `?`: of the two day fields such a one does not widen the other. */
  any: boolean;
}

export interface Schedule {
  minutes: Field;
  hours: Field;
  days: Field;
  months: Field;
  weekdays: Field;
  /** `@every` schedules: the distance in milliseconds. */
  everyMs?: number;
}

const words: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** A schedule that matches no day in this long (30 February) never does. */
const SEARCH_MS = 5 * 366 * DAY_MS;

function parseField(text: string, low: number, high: number, names: readonly string[] = [], first = 0): Field {
  const values = new Set<number>();
  const numberOf = (part: string): number => {
    const named = names.indexOf(part.toLowerCase());
    const value = named >= 0 ? named + first : /^\d+$/.test(part) ? Number(part) : Number.NaN;
    if (!(value >= low && value <= high)) throw new Error(`"${part}" is not from ${low} to ${high}`);
    return value;
  };
  let any = false;
  for (const part of text.split(',')) {
    const [range = '', step] = part.split('/');
    const star = range === '*' || range === '?';
    const [from = '', to] = range.split('-');
    const start = star ? low : numberOf(from);
    const end = star ? high : to !== undefined ? numberOf(to) : step !== undefined ? high : start;
    const by = step === undefined ? 1 : Number(step);
    if (!Number.isInteger(by) || by < 1 || end < start) throw new Error(`"${part}" is no range`);
    if (star && by === 1) any = true;
    for (let value = start; value <= end; value += by) values.add(value);
  }
  return { values, any };
}

const units: Record<string, number> = { h: HOUR_MS, m: MINUTE_MS, s: 1_000 };

function parseEvery(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|m|s)/g)];
  if (parts.map(([whole]) => whole).join('') !== text || text === '') throw new Error(`"${text}" is no duration`);
  return Math.max(
    1_000,
    parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0),
  );
}

/** Throws an Error that says what is wrong. */
export function parseSchedule(text: string): Schedule {
  const trimmed = text.trim();
  const everyMs = trimmed.startsWith('@every ') ? parseEvery(trimmed.slice('@every '.length).trim()) : undefined;
  const [minute, hour, day, month, weekday, ...rest] = (
    everyMs === undefined ? (words[trimmed] ?? trimmed) : '* * * * *'
  ).split(/\s+/);
  if (weekday === undefined || rest.length > 0) throw new Error('expected five fields');
  const weekdays = parseField(weekday, 0, 7, dayNames);
  return {
    minutes: parseField(minute!, 0, 59),
    hours: parseField(hour!, 0, 23),
    days: parseField(day!, 1, 31),
    months: parseField(month!, 1, 12, monthNames, 1),
    // Seven is Sunday too.
    weekdays: { ...weekdays, values: new Set([...weekdays.values].map((value) => value % 7)) },
    ...(everyMs === undefined ? {} : { everyMs }),
  };
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Milliseconds by which the clocks of a zone are ahead of UTC at a moment. Throws RangeError for a zone unknown. */
export function zoneOffsetMs(timeZone: string, atMs: number): number {
  if (timeZone === 'UTC' || timeZone === 'Etc/UTC') return 0;
  let format = formats.get(timeZone);
  if (!format) {
    const numeric = {
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    } as const;
    format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...numeric });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(atMs / 1000) * 1000;
}

function dayMatches({ days, weekdays }: Schedule, date: Date): boolean {
  const byDay = days.values.has(date.getUTCDate());
  const byWeekday = weekdays.values.has(date.getUTCDay());
  return days.any || weekdays.any ? byDay && byWeekday : byDay || byWeekday;
}

/** The next wall-clock time (as if in UTC) from `wallMs` on that matches. */
function nextWall(schedule: Schedule, wallMs: number): number | undefined {
  for (let ms = wallMs; ms < wallMs + SEARCH_MS; ) {
    const date = new Date(ms);
    if (!schedule.months.values.has(date.getUTCMonth() + 1)) {
      ms = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    } else if (!dayMatches(schedule, date)) ms = Math.floor(ms / DAY_MS) * DAY_MS + DAY_MS;
    else if (!schedule.hours.values.has(date.getUTCHours())) ms = Math.floor(ms / HOUR_MS) * HOUR_MS + HOUR_MS;
    else if (!schedule.minutes.values.has(date.getUTCMinutes())) ms += MINUTE_MS;
    else return ms;
  }
  return undefined;
}

/** The first moment after `afterMs`; undefined: never. */
export function nextTime(schedule: Schedule, timeZone: string, afterMs: number): number | undefined {
  if (schedule.everyMs !== undefined) return afterMs + schedule.everyMs - (afterMs % 1_000);
  let wall = (Math.floor((afterMs + zoneOffsetMs(timeZone, afterMs)) / MINUTE_MS) + 1) * MINUTE_MS;
  // An hour that the clocks leap over or repeat: look on until the moment is later.
  for (let tries = 0; tries < 200; tries++) {
    const found = nextWall(schedule, wall);
    if (found === undefined) return undefined;
    const moment = found - zoneOffsetMs(timeZone, found - zoneOffsetMs(timeZone, afterMs));
    const isReal = moment + zoneOffsetMs(timeZone, moment) === found;
    if (moment > afterMs && isReal) return moment;
    wall = found + MINUTE_MS;
  }
  return undefined;
}
