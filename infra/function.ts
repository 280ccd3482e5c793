// The one construct for functions: house defaults, and grants that name what a function reaches. Nothing else is granted anywhere.
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Effect, ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  RecursiveLoop,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface FunctionShape {
  description: string;
  memoryMb: number;
  /** Why that much. */
  memoryReason: string;
  timeoutSeconds: number;
  timeoutReason: string;
  /**
   * Why it may wake itself again and again. Absent: Lambda ends a chain of about 16 invocations that lead back to a function, by SQS or
   * by each other, and drops what would have been the next. https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
   */
  loopReason?: string;
}

export interface HouseFunctionProps {
  /** Folder of the bundle. */
  code: string;
  shape: FunctionShape;
  environment: Record<string, string>;
  logDays: number;
  tracing: boolean;
  /** For the one function that reaches workers. */
  network?: { vpc: IVpc; subnets: SubnetSelection; group: ISecurityGroup };
}

/** What the store's driver calls; a table is never scanned. */
const tableActions = [
  'dynamodb:BatchGetItem',
  'dynamodb:ConditionCheckItem',
  'dynamodb:DeleteItem',
  'dynamodb:GetItem',
  'dynamodb:PutItem',
  'dynamodb:Query',
  'dynamodb:UpdateItem',
];

/** Of these DynamoDB calls each in its caller's name, when it comes to need it. */
const keyActions = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
];

/** A function of the control plane: bundled, arm64, Node 24, logs that expire, a role of its own with nothing in it but its log. */
export class HouseFunction extends Construct {
  readonly lambda: LambdaFunction;

  constructor(scope: Construct, id: string, props: HouseFunctionProps) {
    super(scope, id);
    const { shape, network } = props;
    const logGroup = new LogGroup(this, 'Log', {
      retention: props.logDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    // A function in a VPC makes its network interfaces itself; AWS' policy for it is the documented way.
    if (network) {
      role.addManagedPolicy(ManagedPolicy.fromAwsManagedPolicyName('service-role/AWSLambdaVPCAccessExecutionRole'));
    }
    this.lambda = new LambdaFunction(this, 'Function', {
      code: Code.fromAsset(props.code),
      handler: 'index.handler',
      description: shape.description,
      runtime: Runtime.NODEJS_24_X,
      // arm64 costs a fifth less for the same time.
      architecture: Architecture.ARM_64,
      memorySize: shape.memoryMb,
      timeout: Duration.seconds(shape.timeoutSeconds),
      environment: props.environment,
      tracing: props.tracing ? Tracing.ACTIVE : Tracing.DISABLED,
      recursiveLoop: shape.loopReason === undefined ? undefined : RecursiveLoop.ALLOW,
      logGroup,
      role,
      vpc: network?.vpc,
      vpcSubnets: network?.subnets,
      securityGroups: network ? [network.group] : undefined,
      // It needs no way out: it calls workers, whose addresses are in the VPC.
      allowPublicSubnet: network ? true : undefined,
    });
  }

  /** Reads and writes rows of these tables. */
  useTables(...tables: ITable[]): void {
    this.allow(
      tableActions,
      tables.map((table) => table.tableArn),
    );
  }

  /**
   * Tables and parameters that this key encrypts. The grant that DynamoDB works with in the background is made by who makes the tables.
   * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
   */
  useKey(key: IKey): void {
    this.allow(keyActions, [key.keyArn]);
  }

  /**
   * Secret parameters below a path (ARN), whichever key of the account they are under: those that a stack left behind are under the key that
   * it left behind. https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
   */
  decryptParameters(pathArn: string): void {
    const { urlSuffix, region } = Stack.of(this);
    this.allow(['kms:Decrypt'], [Stack.of(this).formatArn({ service: 'kms', resource: 'key', resourceName: '*' })], {
      StringEquals: { 'kms:ViaService': `ssm.${region}.${urlSuffix}` },
      StringLike: { 'kms:EncryptionContext:PARAMETER_ARN': `${pathArn}/*` },
    });
  }

  /** Reads the parameters below a path (ARN without a slash at the end). */
  readParameters(pathArn: string): void {
    this.allow(['ssm:GetParametersByPath'], [pathArn, `${pathArn}/*`]);
  }

  invoke(...targets: HouseFunction[]): void {
    this.allow(
      ['lambda:InvokeFunction'],
      targets.map((target) => target.lambda.functionArn),
    );
  }

  send(queue: IQueue): void {
    this.allow(['sqs:SendMessage'], [queue.queueArn]);
  }

  allow(actions: string[], resources: string[], conditions?: Record<string, object>): void {
    this.lambda.addToRolePolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources, conditions }));
  }

  set(variable: string, value: string): void {
    this.lambda.addEnvironment(variable, value);
  }
}
