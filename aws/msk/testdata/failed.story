# A cluster that cannot be made is FAILED and can only be deleted.
create c "kafkaVersion":"2.8.1"
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [TLS]

failed c NoPorts every port of the range is taken
----
failed: arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-20 is FAILED (NoPorts: every port of the range is taken), 3 brokers, listeners [TLS]

describe c
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-20",
  "clusterName": "c",
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
      "kafkaVersion": "2.8.1"
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
  "state": "FAILED",
  "stateInfo": {
    "code": "NoPorts",
    "message": "every port of the range is taken"
  },
  "tags": {}
}

bootstrap c
----
400 BadRequestException [] You can't get bootstrap broker nodes for a cluster in FAILED state.

active c h
----
(nothing)

delete c
----
deletionStarted: arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-20 is DELETING, 3 brokers, listeners [TLS]

# One that was ACTIVE never fails: it heals.
create d
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/d/333a4148-4f56-4d64-ab72-7980878e959c-14 is CREATING, 3 brokers, listeners [TLS]

active d h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/d/333a4148-4f56-4d64-ab72-7980878e959c-14 is ACTIVE, 3 brokers, listeners [TLS]

failed d NoDisk the disk is gone
----
healingStarted: arn:aws:kafka:us-east-1:123456789012:cluster/d/333a4148-4f56-4d64-ab72-7980878e959c-14 is HEALING, 3 brokers, listeners [TLS]
