// What a reader of the guide puts in the place of the guide's examples, here: an emulator's account and region, files of this test.
import { join } from 'node:path';
import { account, region } from '../emulator/emulator.ts';
import type { GuideCommand } from './guide.ts';

export interface Substitution {
  from: string;
  to: string;
}

/** The account and region of the guide's examples. */
const exampleAccount = '111122223333';
const exampleRegion = 'eu-west-1';

export interface Reader {
  /** Where the reader keeps files. */
  folder: string;
  /** Whether images are pushed; otherwise the one that a worker was given takes the place of the guide's. */
  pushes: boolean;
}

/** What the deployments' `...` stands for: what followed the stack's name at the first one. */
const valuesOfBefore = (commands: readonly GuideCommand[]): string => {
  const [, values] = /^npx cdk deploy -c stack=\S+ (.+)$/.exec(commands.find(isDeployment)?.text ?? '') ?? [];
  if (!values) throw new Error('the guide has no deployment with values');
  return values;
};

const isDeployment = ({ text }: GuideCommand): boolean => text.startsWith('npx cdk deploy ');

/** For docs/aws.md. */
export const ofGuide = (commands: readonly GuideCommand[], { folder, pushes }: Reader): Substitution[] => [
  ...(pushes
    ? []
    : [
        { from: `${exampleAccount}.dkr.ecr.${exampleRegion}.amazonaws.com/slipway/shop/app:1`, to: 'slipway/sample:1' },
      ]),
  { from: exampleAccount, to: account },
  { from: exampleRegion, to: region },
  { from: 'deployment.yaml', to: join(folder, 'deployment.yaml') },
  { from: 'aws-auth.yaml', to: join(folder, 'aws-auth.yaml') },
  { from: ' ...', to: ` ${valuesOfBefore(commands).replaceAll(exampleAccount, account)}` },
];

/** For README.md, whose reader calls the stack by another name: there is one already. */
export const ofReadme = (stack: string, adminRole: string, { folder }: Reader): Substitution[] => [
  { from: 'stack=shop', to: `stack=${stack}` },
  { from: '--stack shop', to: `--stack ${stack}` },
  { from: 'ARN', to: adminRole },
  { from: 'REGION', to: region },
  { from: 'deployment.yaml', to: join(folder, 'deployment.yaml') },
];

/** All at once: what was put in is not looked at again. The longest goes first. */
export function substituted(text: string, table: readonly Substitution[]): string {
  const places = table.map(({ from }) => from).sort((a, b) => b.length - a.length);
  const pattern = new RegExp(places.map((from) => from.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  return text.replace(pattern, (from) => table.find((one) => one.from === from)!.to);
}

/** What would still have to be put in: placeholders, and accounts or regions that are only examples. */
export function leftToPutIn(text: string): string[] {
  const words = /\.{3}|…|<[^>]*>|\b[A-Z]{2,}\b(?![:_=])|\b\d{12}\b|\b(?:eu|us|ap|sa|ca|me|af)-[a-z]+-\d\b/g;
  return (text.match(words) ?? []).filter((word) => word !== account && word !== region);
}
