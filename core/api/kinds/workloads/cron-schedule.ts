// Schedules of cron jobs: five fields, or one of the @ words. https://en.wikipedia.org/wiki/Cron
// The findings are those of the parser that Kubernetes uses.

interface Bounds {
  min: number;
  max: number;
  names?: readonly string[];
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const fields: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: monthNames },
  { min: 0, max: 6, names: dayNames },
];

const words = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

function parseNumber(text: string, bounds: Bounds): number | string {
  const named = bounds.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + bounds.min;
  if (!/^[+-]?\d+$/.test(text)) {
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  }
  const number = Number(text);
  return number < 0 ? `negative number (${number}) not allowed: ${text}` : number;
}

function rangeProblem(expression: string, bounds: Bounds): string | undefined {
  const [range, ...steps] = expression.split('/') as [string, ...string[]];
  const [low, ...highs] = range.split('-') as [string, ...string[]];
  if (highs.length > 1) return `too many hyphens: ${expression}`;
  let start = bounds.min;
  let end = bounds.max;
  if (low === '*' || low === '?') {
    if (highs.length > 0) return `failed to parse int from ${low}: strconv.Atoi: parsing "${low}": invalid syntax`;
  } else {
    const first = parseNumber(low, bounds);
    if (typeof first === 'string') return first;
    const last = highs.length > 0 ? parseNumber(highs[0]!, bounds) : steps.length > 0 ? bounds.max : first;
    if (typeof last === 'string') return last;
    start = first;
    end = last;
  }
  if (steps.length > 1) return `too many slashes: ${expression}`;
  const step = steps.length === 1 ? parseNumber(steps[0]!, { min: 0, max: 0 }) : 1;
  if (typeof step === 'string') return step;
  if (start < bounds.min) return `beginning of range (${start}) below minimum (${bounds.min}): ${expression}`;
  if (end > bounds.max) return `end of range (${end}) above maximum (${bounds.max}): ${expression}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${expression}`;
  return step === 0 ? `step of range should be a positive number: ${expression}` : undefined;
}

const zonePrefix = /^(?:CRON_)?TZ=(\S*)\s*/;

/** What is wrong with a schedule; undefined when nothing is. */
export function scheduleProblem(schedule: string): string | undefined {
  const zone = zonePrefix.exec(schedule);
  if (zone && !zone[0].endsWith(' ')) return 'invalid schedule';
  if (zone && !isTimeZone(zone[1]!)) return `provided bad location ${zone[1]}: unknown time zone ${zone[1]}`;
  const spec = schedule.slice(zone?.[0].length ?? 0).trim();
  if (spec === '') return 'empty spec string';
  if (spec.startsWith('@every ')) {
    const period = spec.slice('@every '.length);
    if (/^\d+(\.\d+)?(ns|us|µs|ms|s|m|h)(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))*$/.test(period)) return undefined;
    return `failed to parse duration ${spec}: time: invalid duration ${JSON.stringify(period)}`;
  }
  if (spec.startsWith('@')) return words.includes(spec) ? undefined : `unrecognized descriptor: ${spec}`;
  const parts = spec.split(/\s+/);
  if (parts.length !== fields.length) {
    return `expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`;
  }
  for (const [i, bounds] of fields.entries()) {
    for (const expression of parts[i]!.split(',').filter(Boolean)) {
      const problem = rangeProblem(expression, bounds);
      if (problem) return problem;
    }
  }
  return undefined;
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
