// The stack: everything of one cluster, and nothing that costs by the hour while no worker runs.
import { CfnOutput, CustomResource, Duration, FileSystem, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { ParameterTier, StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { parameters } from '../aws/names.ts';
import { acknowledge } from './acknowledged.ts';
import { Alarms } from './alarms.ts';
import type { FunctionFolders } from './bundles.ts';
import { Functions } from './functions.ts';
import { Images } from './images.ts';
import { balance } from './load-balancers.ts';
import { Network } from './network.ts';
import type { Properties } from './properties.ts';
import { RestApi } from './rest-api.ts';
import { Tables } from './tables.ts';
import { WakeUps } from './wake-ups.ts';
import { Workers } from './workers.ts';

/** The program of the workers as one file. */
export interface WorkerBundle {
  file: string;
  version: string;
  sha256: string;
}

export interface SlipwayStackProps {
  properties: Properties;
  bundle: WorkerBundle;
  folders: FunctionFolders;
}

export class SlipwayStack extends Stack {
  constructor(scope: Construct, { properties, bundle, folders }: SlipwayStackProps) {
    super(scope, properties.name, {
      stackName: properties.name,
      description: `Slipway: the Kubernetes cluster ${properties.name}`,
      env: { region: properties.region },
    });
    const parametersPath = `/slipway/${properties.name}`;
    const parametersArn = this.formatArn({
      service: 'ssm',
      resource: 'parameter',
      resourceName: parametersPath.slice(1),
    });
    const key = properties.customerKey ? customerKey(this, properties) : undefined;
    const tables = new Tables(this, 'Tables', { removal: properties.removal, key });
    const network = new Network(this, 'Network', properties);
    const asset = new Asset(this, 'Agent', { path: bundle.file });
    const workers = new Workers(this, 'Workers', {
      properties,
      network,
      parametersArn,
      parametersPath,
      bundle: { bucket: asset.bucket, key: asset.s3ObjectKey },
    });
    const functions = new Functions(this, 'Functions', {
      properties,
      tables,
      network,
      parametersPath,
      parametersArn,
      workerRoleArn: workers.role.roleArn,
      key,
      folders,
    });
    functions.scale(workers.group, properties);
    balance(functions.get('load-balancers'), network, properties);
    const wakeUps = new WakeUps(this, 'WakeUps', functions, tables);
    const api = new RestApi(this, 'RestApi', functions.get('api'), properties);
    new Images(this, 'Images', properties);
    if (properties.alarmTopic) new Alarms(this, 'Alarms', properties.alarmTopic, { functions, tables, wakeUps });

    const parameter = (id: string, name: string, stringValue: string): StringParameter =>
      new StringParameter(this, id, {
        parameterName: `${parametersPath}/${name}`,
        stringValue,
        tier: ParameterTier.STANDARD,
      });
    const written = [
      parameter('ApiUrl', parameters.apiUrl, api.url),
      parameter('AgentVersion', parameters.agentVersion, bundle.version),
      parameter('AgentBundle', parameters.agentBundle, `${bundle.version} ${asset.s3ObjectUrl} ${bundle.sha256}`),
    ];
    const setup = new CustomResource(this, 'Setup', {
      serviceToken: functions.get('setup').lambda.functionArn,
      resourceType: 'Custom::SlipwaySetup',
      // Longer than the function may run: one that cannot even begin would hold the deployment up for an hour.
      serviceTimeout: Duration.minutes(5),
      // Another version, of workers or of what setup itself writes, another look at what is missing.
      properties: {
        Version: bundle.version,
        Code: FileSystem.fingerprint(folders.setup),
        DeleteKeys: String(properties.removal === 'destroy'),
        Key: key?.keyArn,
      },
    });
    setup.node.addDependency(...written, tables, functions.get('setup'));
    new CfnOutput(this, 'ApiServer', { value: api.url, description: 'Where kubectl finds the cluster' });
    acknowledge(this, properties);
  }

  /** Not looked up: a look-up needs an account, and the stack has to be synthesised without one. */
  override get availabilityZones(): string[] {
    return [0, 1].map((index) => Fn.select(index, Fn.getAzs()));
  }
}

function customerKey(stack: Stack, properties: Properties): Key {
  return new Key(stack, 'Key', {
    description: `State and secrets of the cluster ${properties.name}`,
    enableKeyRotation: true,
    removalPolicy: properties.removal === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  });
}
