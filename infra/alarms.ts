// Alarms, for a cluster that has somebody to tell.
import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { FunctionName } from './function-shapes.ts';
import type { Functions } from './functions.ts';
import type { Tables } from './tables.ts';
import type { WakeUps } from './wake-ups.ts';

const period = Duration.minutes(5);

interface AlarmRule {
  id: string;
  description: string;
  metric: Metric;
  /** Alarm at this value and above, in `periods` periods of five minutes one after the other. */
  threshold: number;
  periods: number;
}

/**
 * Nine alarms of one metric each (an alarm is priced by its metrics, 0.10 USD a month, ten free in an account): they are made only
 * when a topic is named. What happens once is retried and is no alarm; what goes on for a quarter of an hour is.
 */
export class Alarms extends Construct {
  constructor(
    scope: Construct,
    id: string,
    topicArn: string,
    parts: { functions: Functions; tables: Tables; wakeUps: WakeUps },
  ) {
    super(scope, id);
    const action = new SnsAction(Topic.fromTopicArn(this, 'Topic', topicArn));
    for (const { id: name, description, metric, threshold, periods } of rules(parts)) {
      metric
        .with({ period })
        .createAlarm(this, name, {
          alarmDescription: description,
          threshold,
          evaluationPeriods: periods,
          comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
          treatMissingData: TreatMissingData.NOT_BREACHING,
        })
        .addAlarmAction(action);
    }
  }
}

function rules({
  functions,
  tables,
  wakeUps,
}: {
  functions: Functions;
  tables: Tables;
  wakeUps: WakeUps;
}): AlarmRule[] {
  const errors = (['api', 'scheduler', 'controllers', 'tick'] as const satisfies readonly FunctionName[]).map(
    (name): AlarmRule => ({
      id: `${name}-errors`,
      description: `The function ${name} fails`,
      metric: functions.get(name).lambda.metricErrors({ statistic: Stats.SUM }),
      threshold: 3,
      periods: 3,
    }),
  );
  const ages = (['scheduler', 'controllers'] as const).map(
    (name): AlarmRule => ({
      id: `${name}-age`,
      description: `The function ${name} is a minute behind the change log`,
      metric: functions.get(name).lambda.metric('IteratorAge', { statistic: Stats.MAXIMUM }),
      threshold: Duration.minutes(1).toMilliseconds(),
      periods: 3,
    }),
  );
  const throttles = (['objects', 'changes'] as const).map(
    (name): AlarmRule => ({
      id: `${name}-throttles`,
      description: `Writes to the table of ${name} are throttled`,
      metric: new Metric({
        namespace: 'AWS/DynamoDB',
        metricName: 'WriteThrottleEvents',
        dimensionsMap: { TableName: tables[name].tableName },
        statistic: Stats.SUM,
      }),
      threshold: 10,
      periods: 3,
    }),
  );
  const letters: AlarmRule = {
    id: 'dead-letters',
    description: 'Something could not be processed: look at the queue of dead letters',
    metric: wakeUps.deadLetters.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM }),
    threshold: 1,
    periods: 1,
  };
  return [...errors, ...ages, ...throttles, letters];
}
