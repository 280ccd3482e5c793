// What wakes the functions: the change log, delayed messages, the clock, and EC2's events.
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { FilterCriteria, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq, SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { wakingAttribute } from '../aws/dynamo/schema.ts';
import { environment } from '../aws/names.ts';
import type { HouseFunction } from './function.ts';
import type { Functions } from './functions.ts';
import type { Tables } from './tables.ts';

/** A poison batch is halved until its one record is alone; then it goes to the dead letters. 1,000 records need ten halvings. */
const streamRetries = 12;

/** Rows of changes: not the voids that fill gaps, not what hardly matters to anybody, and not what the table's TTL removes. */
const wakingRows = {
  eventName: ['INSERT'],
  dynamodb: { NewImage: { [wakingAttribute]: { N: ['1'] } } },
};

/** Longer than any function that reads a queue may run (AWS advises six times as long). */
const visibility = Duration.minutes(6);
/**
 * A message that Lambda could not hand over, because all of the account's concurrency was in use, has been received too: AWS advises
 * five or more. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
const wishTries = 5;

export class WakeUps extends Construct {
  /** What could not be processed: records of the change log, delayed messages. */
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, functions: Functions, tables: Tables) {
    super(scope, id);
    this.deadLetters = queue(this, 'DeadLetters', { retentionPeriod: Duration.days(14) });
    for (const name of ['scheduler', 'controllers'] as const) this.#readChanges(functions.get(name), tables);
    this.#takeWishes(functions.get('controllers'));
    // A late tick is worth nothing, and the next minute brings another: nor are its invocations tried again. A doorbell that rings
    // later than the node looks by itself is worth nothing either; Lambda would keep it for six hours.
    for (const name of ['scheduler', 'controllers', 'dialer'] as const) {
      functions.get(name).lambda.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    }
    // The scheduler asks once for pods that fit nowhere.
    functions.get('workers').lambda.configureAsyncInvoke({ retryAttempts: 2, maxEventAge: Duration.minutes(10) });
    new Rule(this, 'EachMinute', {
      description: 'What is due, leases, gaps of the change log',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaFunction(functions.get('tick').lambda, { retryAttempts: 0, maxEventAge: Duration.minutes(1) }),
      ],
    });
    // The certificate that the control plane shows to agents is good for a year, and is renewed in its last 60 days: also in a cluster
    // that nobody deploys again.
    new Rule(this, 'EachMonth', {
      description: 'Keys and certificates are looked after',
      schedule: Schedule.rate(Duration.days(30)),
      targets: [
        new LambdaFunction(functions.get('setup').lambda, {
          event: RuleTargetInput.fromObject({ RequestType: 'Update' }),
        }),
      ],
    });
    const instances = new LambdaFunction(functions.get('instance-events').lambda, { maxEventAge: Duration.hours(1) });
    new Rule(this, 'InstanceEvents', {
      description: 'Instances that stop, end, or are about to',
      eventPattern: {
        source: ['aws.ec2'],
        detailType: ['EC2 Instance State-change Notification', 'EC2 Spot Instance Interruption Warning'],
      },
      targets: [instances],
    });
    new Rule(this, 'StatusChecks', {
      description: 'Alarms on status checks of instances, where the account has such',
      eventPattern: {
        source: ['aws.cloudwatch'],
        detailType: ['CloudWatch Alarm State Change'],
        detail: { configuration: { metrics: { metricStat: { metric: { name: [{ prefix: 'StatusCheckFailed' }] } } } } },
      },
      targets: [instances],
    });
  }

  #readChanges(house: HouseFunction, tables: Tables): void {
    house.lambda.addEventSource(
      new DynamoEventSource(tables.changes, {
        // From LATEST a mapping misses what is written in the minutes that it takes to begin, or to be updated; what comes twice does no
        // harm. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
        startingPosition: StartingPosition.TRIM_HORIZON,
        // A batch says only "look": the more records in it, the fewer invocations.
        batchSize: 1000,
        maxBatchingWindow: Duration.seconds(0),
        // Two at once would only meet in the same caches' keys.
        parallelizationFactor: 1,
        bisectBatchOnError: true,
        retryAttempts: streamRetries,
        maxRecordAge: Duration.hours(1),
        reportBatchItemFailures: true,
        onFailure: new SqsDlq(this.deadLetters),
        filters: [FilterCriteria.filter(wakingRows)],
      }),
    );
  }

  /**
   * A delayed message wakes the controllers at a due time that is less than a quarter of an hour away. Lambda asks an empty queue
   * 650,000 times a month (0.26 USD beyond the free million), so the scheduler has none: its own pauses are shorter than an
   * invocation or left to the tick.
   */
  #takeWishes(house: HouseFunction): void {
    const wishes = queue(this, 'Wishes', {
      visibilityTimeout: visibility,
      retentionPeriod: Duration.hours(1),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: wishTries },
    });
    house.lambda.addEventSource(
      new SqsEventSource(wishes, { batchSize: 10, maxConcurrency: 2, reportBatchItemFailures: true }),
    );
    house.send(wishes);
    house.set(environment.wakeQueue, wishes.queueUrl);
  }
}

const queue = (scope: Construct, id: string, props: ConstructorParameters<typeof Queue>[2]): Queue =>
  new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    removalPolicy: RemovalPolicy.DESTROY,
    ...props,
  });
