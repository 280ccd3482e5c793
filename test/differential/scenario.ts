// A scenario is a script of requests. It runs against a real kube-apiserver and against Slipway, and both must answer alike.

export interface Step {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `{ns}` stands for the scenario's own namespace, `{rv:N}` and `{continue:N}` for what step N's metadata answered (settling is no step). */
  path: string;
  /** Sent as JSON, or as it is when it is a string. */
  body?: unknown;
  /** Content type; application/json for bodies when absent. */
  type?: string;
  accept?: string;
  /** More headers (impersonation). */
  headers?: Record<string, string>;
  /** Sends nothing: the real one reads much from caches, so whoever records gives these a moment to follow. */
  settle?: true;
}

export const settle: Step = { method: 'GET', path: '', settle: true };

export interface Scenario {
  name: string;
  steps: Step[];
}

export const scenario = (name: string, ...steps: Step[]): Scenario => ({ name, steps });

export interface Answer {
  step: string;
  status: number;
  contentType: string;
  warnings: string[];
  body: unknown;
}

export type Send = (
  path: string,
  init: { method: string; headers: Record<string, string>; body?: string },
) => Promise<Response>;

const contentTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

export const get = (path: string, accept?: string): Step => ({ method: 'GET', path, ...(accept ? { accept } : {}) });
export const post = (path: string, body: unknown, type?: string): Step => ({
  method: 'POST',
  path,
  body,
  ...(type ? { type } : {}),
});
export const put = (path: string, body: unknown): Step => ({ method: 'PUT', path, body });
export const patch = (type: keyof typeof contentTypes, path: string, body: unknown): Step => ({
  method: 'PATCH',
  path,
  body,
  type: contentTypes[type],
});
export const remove = (path: string, body?: unknown): Step => ({
  method: 'DELETE',
  path,
  ...(body === undefined ? {} : { body }),
});

function fill(text: string, namespace: string, answers: readonly { raw: unknown }[]): string {
  return text.replaceAll('{ns}', namespace).replaceAll(/\{(rv|continue):(\d+)\}/g, (_, what: string, index: string) => {
    const body = answers[Number(index)]?.raw as { metadata?: Record<string, string | undefined> } | undefined;
    return body?.metadata?.[what === 'rv' ? 'resourceVersion' : what] ?? 'none';
  });
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  if (!response.headers.get('content-type')?.includes('json')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return eventsIn(text);
  }
}

/** A watch's events, one a line; any other text as it is. */
function eventsIn(text: string): unknown {
  try {
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  } catch {
    return text;
  }
}

/** Runs the steps in order in a namespace of its own and returns what was answered, unchanged. */
export async function play(
  scenario: Scenario,
  send: Send,
  namespace: string,
  whenToSettle: () => Promise<void> = async () => undefined,
): Promise<{ answer: Answer; raw: unknown }[]> {
  const answers: { answer: Answer; raw: unknown }[] = [];
  const created = await send('/api/v1/namespaces', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metadata: { name: namespace } }),
  });
  await created.arrayBuffer();
  await send(`/api/v1/namespaces/${namespace}/serviceaccounts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metadata: { name: 'default' } }),
  }).then((response) => response.arrayBuffer());
  for (const step of scenario.steps) {
    if (step.settle) {
      await whenToSettle();
      continue;
    }
    const text =
      step.body === undefined ? undefined : typeof step.body === 'string' ? step.body : JSON.stringify(step.body);
    const response = await send(fill(step.path, namespace, answers), {
      method: step.method,
      headers: {
        accept: step.accept ?? 'application/json',
        ...(text === undefined ? {} : { 'content-type': step.type ?? 'application/json' }),
        ...Object.fromEntries(
          Object.entries(step.headers ?? {}).map(([name, value]) => [name, fill(value, namespace, answers)]),
        ),
      },
      ...(text === undefined ? {} : { body: fill(text, namespace, answers) }),
    });
    const raw = await readBody(response);
    const warning = response.headers.get('warning');
    answers.push({
      raw,
      answer: {
        step: `${step.method} ${step.path}`,
        status: response.status,
        contentType: response.headers.get('content-type') ?? '',
        warnings: warning ? warning.split(/, (?=299 )/) : [],
        body: raw,
      },
    });
  }
  return answers;
}
