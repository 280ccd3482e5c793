// What is called of EC2, by name: a bundle that imports a whole client when it is needed holds the whole client.
export { DescribeInstancesCommand, DescribeInstanceTypesCommand, EC2Client } from '@aws-sdk/client-ec2';
