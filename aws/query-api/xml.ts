// Answers of AWS' query APIs: elements and text, nothing else of XML.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/making-api-requests.html

export interface XmlElement {
  name: string;
  text: string;
  children: XmlElement[];
}

const token = /<\?[^>]*\?>|<(\/?)([\w.:-]+)[^>]*?(\/?)>|([^<]+)/g;
const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const plain = (text: string): string => text.replace(/&(\w+);/g, (whole, name) => entities[name] ?? whole);

/** The outermost element. Throws an Error for a text that is none, or that ends too early. */
export function readXml(text: string): XmlElement {
  const top: XmlElement = { name: '', text: '', children: [] };
  const open = [top];
  for (const [, closing, name, empty, words] of text.matchAll(token)) {
    const inner = open.at(-1)!;
    if (words !== undefined) inner.text += plain(words.trim());
    else if (closing) {
      if (open.length < 2 || inner.name !== name) throw new Error(`the answer closes ${name}, which is not open`);
      open.pop();
    } else if (name !== undefined) {
      const element = { name, text: '', children: [] };
      inner.children.push(element);
      if (!empty) open.push(element);
    }
  }
  const [outermost] = top.children;
  if (!outermost || open.length > 1) throw new Error('the answer is no whole XML');
  return outermost;
}

/** All elements at the end of a path of names. */
export const elementsAt = (element: XmlElement, ...path: string[]): XmlElement[] =>
  path.reduce((level, name) => level.flatMap(({ children }) => children.filter((one) => one.name === name)), [element]);

/** Text of the first; '' when there is none. */
export const textAt = (element: XmlElement, ...path: string[]): string => elementsAt(element, ...path)[0]?.text ?? '';
