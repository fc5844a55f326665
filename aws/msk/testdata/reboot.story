# One broker stops and starts again. The operation begins once the cluster is
# seen to run, and its act ends with the next report.
create orders
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE, 3 brokers, listeners [TLS]

reboot orders
----
400 BadRequestException [brokerIds] You can reboot only one broker at a time. Specify exactly one broker ID.

reboot orders 1 2
----
400 BadRequestException [brokerIds] You can reboot only one broker at a time. Specify exactly one broker ID.

reboot orders b-1
----
400 BadRequestException [brokerIds] The broker ID 'b-1' is not valid.

reboot orders 9
----
400 BadRequestException [brokerIds] The cluster has no broker with the ID 9.

reboot orders 2
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is REBOOTING_BROKER REBOOT_NODE PENDING 0/1, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "565d646b-7279-4087-8e95-9ca3aab1b8bf",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T09:00:03.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/aeb5bcc3-0209-4017-9e25-2c333a41484f",
  "operationState": "PENDING",
  "operationType": "REBOOT_NODE"
}

# One operation at a time, and no deletion meanwhile.
reboot orders 1
----
400 BadRequestException [] You can't reboot broker of cluster in REBOOTING_BROKER state.

delete orders
----
400 BadRequestException [] You can't delete cluster in REBOOTING_BROKER state.

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is REBOOTING_BROKER REBOOT_NODE REBOOT_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

operationV2 orders
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "clusterType": "PROVISIONED",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/aeb5bcc3-0209-4017-9e25-2c333a41484f",
  "operationState": "REBOOT_IN_PROGRESS",
  "operationType": "REBOOT_NODE",
  "provisioned": {},
  "startTime": "2026-11-24T09:00:03.000Z"
}

# Clients go on finding the brokers.
bootstrap orders
----
{
  "bootstrapBrokerStringTls": "10.0.0.1:20011,10.0.0.1:20021,10.0.0.1:20031"
}

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE REBOOT_NODE REBOOT_COMPLETE 1/1, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "565d646b-7279-4087-8e95-9ca3aab1b8bf",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T09:00:03.000Z",
  "endTime": "2026-11-24T09:00:06.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/aeb5bcc3-0209-4017-9e25-2c333a41484f",
  "operationState": "REBOOT_COMPLETE",
  "operationType": "REBOOT_NODE"
}

# The version is the same: RebootBroker neither asks for one nor changes it.
describe orders
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "clusterName": "orders",
  "clusterType": "PROVISIONED",
  "creationTime": "2026-11-24T09:00:00.000Z",
  "currentVersion": "KOV29GNU18FMT0",
  "provisioned": {
    "brokerNodeGroupInfo": {
      "brokerAZDistribution": "DEFAULT",
      "clientSubnets": [
        "subnet-a",
        "subnet-b",
        "subnet-c"
      ],
      "connectivityInfo": {
        "publicAccess": {
          "type": "DISABLED"
        },
        "vpcConnectivity": {
          "clientAuthentication": {
            "sasl": {
              "iam": {
                "enabled": false
              },
              "scram": {
                "enabled": false
              }
            },
            "tls": {
              "enabled": false
            }
          }
        }
      },
      "instanceType": "kafka.m5.large",
      "storageInfo": {
        "ebsStorageInfo": {
          "volumeSize": 1000
        }
      },
      "zoneIds": [
        "use1-az1",
        "use1-az2",
        "use1-az4"
      ]
    },
    "clientAuthentication": {
      "sasl": {
        "iam": {
          "enabled": false
        },
        "scram": {
          "enabled": false
        }
      },
      "tls": {
        "certificateAuthorityArnList": [],
        "enabled": false
      },
      "unauthenticated": {
        "enabled": true
      }
    },
    "currentBrokerSoftwareInfo": {
      "kafkaVersion": "3.9.x.kraft"
    },
    "customerActionStatus": "NONE",
    "encryptionInfo": {
      "encryptionAtRest": {
        "dataVolumeKMSKeyId": "arn:aws:kms:us-east-1:123456789012:key/af4db833-47d0-50ab-8d36-57423f210549"
      },
      "encryptionInTransit": {
        "clientBroker": "TLS",
        "inCluster": true
      }
    },
    "enhancedMonitoring": "DEFAULT",
    "loggingInfo": {
      "brokerLogs": {
        "cloudWatchLogs": {
          "enabled": false
        },
        "firehose": {
          "enabled": false
        },
        "s3": {
          "enabled": false
        }
      }
    },
    "numberOfBrokerNodes": 3,
    "openMonitoring": {
      "prometheus": {
        "jmxExporter": {
          "enabledInBroker": false
        },
        "nodeExporter": {
          "enabledInBroker": false
        }
      }
    },
    "storageMode": "LOCAL"
  },
  "state": "ACTIVE",
  "tags": {}
}

# A reboot that cannot be done leaves the cluster ACTIVE.
reboot orders 3
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is REBOOTING_BROKER REBOOT_NODE PENDING 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is REBOOTING_BROKER REBOOT_NODE REBOOT_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

failed orders NoPort no port is free
----
broken: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE REBOOT_NODE REBOOT_FAILED 0/1, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "848b9299-a0a7-4eb5-bcc3-020910171e25",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T09:00:07.000Z",
  "endTime": "2026-11-24T09:00:08.000Z",
  "errorInfo": {
    "errorCode": "NoPort",
    "errorString": "no port is free"
  },
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/141b2229-3037-4e45-8c53-5a61686f767d",
  "operationState": "REBOOT_FAILED",
  "operationType": "REBOOT_NODE"
}
