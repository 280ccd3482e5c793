// Answers of STS: JSON as it was asked for, or the XML that some emulators answer whatever they are asked.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html

/** A field of the result by its name; '' for one that is not there. Throws an Error for a text that is neither. */
export type Fields = (name: string) => string;

/** `part`: the object within the result whose fields are wanted. */
export function readAnswer(text: string, operation: 'GetCallerIdentity' | 'AssumeRole', part?: string): Fields {
  if (text.trimStart().startsWith('<')) {
    return (name) => new RegExp(`<${name}>([^<&]*)</${name}>`).exec(text)?.[1] ?? '';
  }
  const answer = JSON.parse(text) as Record<string, Record<string, Record<string, unknown>>> | null;
  const result = answer?.[`${operation}Response`]?.[`${operation}Result`];
  const fields = (part ? result?.[part] : result) as Record<string, unknown> | undefined;
  return (name) => {
    const value = fields?.[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
}
