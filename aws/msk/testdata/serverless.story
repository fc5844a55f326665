# A serverless cluster has one address and nothing but IAM.
create s whole {"serverless":{"vpcConfigs":[{"subnetIds":["subnet-a","subnet-b"]}]}}
----
400 BadRequestException [clientAuthentication] A serverless cluster must use SASL/IAM authentication.

create s whole {"serverless":{"vpcConfigs":[{"subnetIds":["subnet-a"]}],"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}
----
400 BadRequestException [subnetIds] The size of list should be between 2 and 6.

create s whole {"serverless":{"vpcConfigs":[{"subnetIds":["subnet-a","subnet-b"],"securityGroupIds":["sg-1"]}],"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/s/333a4148-4f56-4d64-ab72-7980878e959c-s14 is CREATING, 3 brokers, listeners [SASL_IAM]

active s boot.example.com
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/s/333a4148-4f56-4d64-ab72-7980878e959c-s14 is ACTIVE, 3 brokers, listeners [SASL_IAM]

describe s
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/s/333a4148-4f56-4d64-ab72-7980878e959c-s14",
  "clusterName": "s",
  "clusterType": "SERVERLESS",
  "creationTime": "2026-11-24T09:00:00.000Z",
  "currentVersion": "KW3AHOV29GNU18",
  "serverless": {
    "clientAuthentication": {
      "sasl": {
        "iam": {
          "enabled": true
        }
      }
    },
    "vpcConfigs": [
      {
        "securityGroupIds": [
          "sg-1"
        ],
        "subnetIds": [
          "subnet-a",
          "subnet-b"
        ]
      }
    ]
  },
  "state": "ACTIVE",
  "tags": {}
}

bootstrap s
----
{
  "bootstrapBrokerStringSaslIam": "boot.example.com:9098"
}
