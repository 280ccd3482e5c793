// The API's front door: one REST API whose every path and method is the api function's.
import { Duration, Stack } from 'aws-cdk-lib';
import {
  EndpointType,
  RestApi as GatewayApi,
  LambdaIntegration,
  ResponseTransferMode,
} from 'aws-cdk-lib/aws-apigateway';
import { Construct } from 'constructs';
import type { HouseFunction } from './function.ts';
import { answerSeconds } from './function-shapes.ts';
import { answerLikeKubernetes } from './gateway-answers.ts';
import type { Properties } from './properties.ts';

/** Bodies pass as they are, both ways. LocalStack does not know the first, which says it all. */
const binaryTypes = [
  '*/*',
  'application/vnd.kubernetes.protobuf',
  'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  'application/octet-stream',
];

/** Who is calling, and from where, is checked by the function (lambdas/host/allowed-addresses.ts); here is the rate. */
export class RestApi extends Construct {
  /** `https://.../STAGE`, without a slash at the end. */
  readonly url: string;

  constructor(scope: Construct, id: string, api: HouseFunction, properties: Properties) {
    super(scope, id);
    const { responses } = properties;
    const gateway = new GatewayApi(this, 'Api', {
      restApiName: properties.name,
      description: `Kubernetes API of the cluster ${properties.name}`,
      // Regional: an edge endpoint ends a stream that is silent for 30 s, a regional one after 5 minutes.
      endpointConfiguration: { types: [EndpointType.REGIONAL] },
      binaryMediaTypes: binaryTypes,
      // The role for its logs is one of the account, not of a stack.
      cloudWatchRole: false,
      deployOptions: {
        stageName: 'k8s',
        throttlingRateLimit: properties.requestsPerSecond,
        throttlingBurstLimit: properties.requestsPerSecond * 2,
        tracingEnabled: properties.tracing,
      },
    });
    const integration = new LambdaIntegration(api.lambda, {
      responseTransferMode: responses === 'stream' ? ResponseTransferMode.STREAM : ResponseTransferMode.BUFFERED,
      timeout: Duration.seconds(answerSeconds[responses]),
      allowTestInvoke: false,
    });
    gateway.root.addMethod('ANY', integration);
    gateway.root.addProxy({ defaultIntegration: integration, anyMethod: true });
    answerLikeKubernetes(gateway);
    const { region, urlSuffix } = Stack.of(this);
    this.url = `https://${gateway.restApiId}.execute-api.${region}.${urlSuffix}/${gateway.deploymentStage.stageName}`;
  }
}
