# Throughput is provisioned for the large types and volumes alone, within bounds.
create t "brokerNodeGroupInfo":{"instanceType":"kafka.m5.large","storageInfo":{"ebsStorageInfo":{"volumeSize":100,"provisionedThroughput":{"enabled":true,"volumeThroughput":250}}}}
----
400 BadRequestException [provisionedThroughput] Provisioned throughput is not supported for the specified broker type.

create t "brokerNodeGroupInfo":{"instanceType":"kafka.m5.4xlarge","storageInfo":{"ebsStorageInfo":{"volumeSize":9,"provisionedThroughput":{"enabled":true,"volumeThroughput":250}}}}
----
400 BadRequestException [volumeSize] To enable ProvisionedThroughput, you must set volume size to a value that is greater than or equal to 10.

create t "brokerNodeGroupInfo":{"instanceType":"kafka.m5.4xlarge","storageInfo":{"ebsStorageInfo":{"volumeSize":100,"provisionedThroughput":{"enabled":true,"volumeThroughput":594}}}}
----
400 BadRequestException [volumeThroughput] For brokers of type m5.4xlarge, the maximum value for VolumeThroughput cannot exceed 593.75 MiB/s.

create t "brokerNodeGroupInfo":{"instanceType":"kafka.m5.4xlarge","storageInfo":{"ebsStorageInfo":{"volumeSize":100,"provisionedThroughput":{"enabled":true,"volumeThroughput":249}}}}
----
400 BadRequestException [volumeThroughput] EBS volume throughput should be between 250 and 1000 MiB/s.

create t "brokerNodeGroupInfo":{"instanceType":"kafka.m5.4xlarge","storageInfo":{"ebsStorageInfo":{"volumeSize":100,"provisionedThroughput":{"enabled":false,"volumeThroughput":300}}}}
----
400 BadRequestException [volumeThroughput] To specify a value for VolumeThroughput, you must enable ProvisionedThroughput.

create t "brokerNodeGroupInfo":{"instanceType":"kafka.m5.4xlarge","storageInfo":{"ebsStorageInfo":{"volumeSize":0}}}
----
400 BadRequestException [volumeSize] The volume size must be 1 to 16384 GiB.

create t "brokerNodeGroupInfo":{"instanceType":"kafka.m5.8xlarge","storageInfo":{"ebsStorageInfo":{"volumeSize":100,"provisionedThroughput":{"enabled":true,"volumeThroughput":850}}}}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is CREATING, 3 brokers, listeners [TLS]

active t 10.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is ACTIVE, 3 brokers, listeners [TLS]

describe t
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9",
  "clusterName": "t",
  "clusterType": "PROVISIONED",
  "creationTime": "2026-11-24T09:00:00.000Z",
  "currentVersion": "KGNU18FMT07ELS",
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
      "instanceType": "kafka.m5.8xlarge",
      "storageInfo": {
        "ebsStorageInfo": {
          "provisionedThroughput": {
            "enabled": true,
            "volumeThroughput": 850
          },
          "volumeSize": 100
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

# It changes alone, or with the size.
update t UpdateStorage "provisionedThroughput":{"enabled":true,"volumeThroughput":850}
----
400 BadRequestException [] The request does not include any updates to the EBS volumes of the cluster. Verify the request, then try again.

update t UpdateStorage "provisionedThroughput":{"enabled":true,"volumeThroughput":851}
----
400 BadRequestException [volumeThroughput] For brokers of type m5.8xlarge, the maximum value for VolumeThroughput cannot exceed 850 MiB/s.

update t UpdateStorage "provisionedThroughput":{"enabled":true,"volumeThroughput":500},"volumeSizeGB":300
----
400 BadRequestException [] You can't update multiple attributes of the cluster in same request. Use a different request for each update.

update t UpdateBrokerStorage "targetBrokerEBSVolumeInfo":[{"kafkaBrokerNodeId":"All","volumeSizeGB":300,"provisionedThroughput":{"enabled":true,"volumeThroughput":600}}]
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_BROKER_EBS_VOLUME PENDING 0/1, 3 brokers, listeners [TLS]

active t 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_BROKER_EBS_VOLUME UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active t 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is ACTIVE UPDATE_BROKER_EBS_VOLUME UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

operation t
----
{
  "clientRequestId": "4950575e-656c-437a-8188-8f969da4abb2",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9",
  "creationTime": "2026-11-24T09:00:04.000Z",
  "endTime": "2026-11-24T09:00:06.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9/a1a8afb6-bdc4-430a-9118-1f262d343b42",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "UPDATE_BROKER_EBS_VOLUME",
  "sourceClusterInfo": {
    "brokerEBSVolumeInfo": [
      {
        "kafkaBrokerNodeId": "All",
        "provisionedThroughput": {
          "enabled": true,
          "volumeThroughput": 850
        },
        "volumeSizeGB": 100
      }
    ]
  },
  "targetClusterInfo": {
    "brokerEBSVolumeInfo": [
      {
        "kafkaBrokerNodeId": "All",
        "provisionedThroughput": {
          "enabled": true,
          "volumeThroughput": 600
        },
        "volumeSizeGB": 300
      }
    ]
  }
}

# A type that has no such throughput has to wait until it is off.
update t UpdateBrokerType "targetInstanceType":"kafka.m5.4xlarge"
----
400 BadRequestException [targetInstanceType] For brokers of type m5.4xlarge, the maximum value for VolumeThroughput cannot exceed 593.75 MiB/s.

update t UpdateStorage "provisionedThroughput":{"enabled":false}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_BROKER_EBS_VOLUME PENDING 0/1, 3 brokers, listeners [TLS]

active t 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_BROKER_EBS_VOLUME UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active t 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is ACTIVE UPDATE_BROKER_EBS_VOLUME UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

update t UpdateBrokerType "targetInstanceType":"kafka.m5.large"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/t/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_BROKER_TYPE PENDING 0/4, 3 brokers, listeners [TLS]
