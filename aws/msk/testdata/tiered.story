# Tiered storage, from the beginning.
create t "kafkaVersion":"3.9.x","storageMode":"TIERED"
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/t/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [TLS]

wanted t
----
generation 0, Kafka 3.9.x, [TLS]
broker 1 in subnet-a boot 0 Kafka 3.9.x map[log.segment.bytes:134217728 remote.log.reader.threads:10 remote.log.storage.system.enable:true unclean.leader.election.enable:false]
broker 2 in subnet-b boot 0 Kafka 3.9.x map[log.segment.bytes:134217728 remote.log.reader.threads:10 remote.log.storage.system.enable:true unclean.leader.election.enable:false]
broker 3 in subnet-c boot 0 Kafka 3.9.x map[log.segment.bytes:134217728 remote.log.reader.threads:10 remote.log.storage.system.enable:true unclean.leader.election.enable:false]

# And of a cluster that is there: its brokers start again.
create orders "kafkaVersion":"2.8.2.tiered","brokerNodeGroupInfo":{"instanceType":"kafka.m7g.large"}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is CREATING, 3 brokers, listeners [TLS]

active orders h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is ACTIVE, 3 brokers, listeners [TLS]

update orders UpdateStorage "storageMode":"TIERED"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is UPDATING UPDATE_STORAGE_MODE PENDING 0/4, 3 brokers, listeners [TLS]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is UPDATING UPDATE_STORAGE_MODE UPDATE_IN_PROGRESS 0/4, 3 brokers, listeners [TLS]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is UPDATING UPDATE_STORAGE_MODE UPDATE_IN_PROGRESS 1/4, 3 brokers, listeners [TLS]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is UPDATING UPDATE_STORAGE_MODE UPDATE_IN_PROGRESS 2/4, 3 brokers, listeners [TLS]

# It may fail midway.
failed orders Boot text
----
broken: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is ACTIVE UPDATE_STORAGE_MODE UPDATE_FAILED 2/4, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "070e151c-232a-4138-bf46-4d545b626970",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14",
  "creationTime": "2026-11-24T09:00:02.000Z",
  "endTime": "2026-11-24T09:00:05.000Z",
  "errorInfo": {
    "errorCode": "Boot",
    "errorString": "text"
  },
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/333a4148-4f56-4d64-ab72-7980878e959c-14/5f666d74-7b82-4990-979e-a5acb3bac100",
  "operationState": "UPDATE_FAILED",
  "operationType": "UPDATE_STORAGE_MODE",
  "sourceClusterInfo": {
    "storageMode": "LOCAL"
  },
  "targetClusterInfo": {
    "storageMode": "TIERED"
  }
}

wanted orders
----
generation 5, Kafka 2.8.2.tiered, [TLS]
broker 1 in subnet-a boot 2 Kafka 2.8.2.tiered map[]
broker 2 in subnet-b boot 2 Kafka 2.8.2.tiered map[]
broker 3 in subnet-c boot 0 Kafka 2.8.2.tiered map[]

update orders UpdateStorage "storageMode":"TIERED"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is UPDATING UPDATE_STORAGE_MODE PENDING 0/4, 3 brokers, listeners [TLS]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is UPDATING UPDATE_STORAGE_MODE UPDATE_IN_PROGRESS 0/4, 3 brokers, listeners [TLS]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is UPDATING UPDATE_STORAGE_MODE UPDATE_IN_PROGRESS 1/4, 3 brokers, listeners [TLS]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is UPDATING UPDATE_STORAGE_MODE UPDATE_IN_PROGRESS 2/4, 3 brokers, listeners [TLS]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is UPDATING UPDATE_STORAGE_MODE UPDATE_IN_PROGRESS 3/4, 3 brokers, listeners [TLS]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is ACTIVE UPDATE_STORAGE_MODE UPDATE_COMPLETE 4/4, 3 brokers, listeners [TLS]

operationV2 orders
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14",
  "clusterType": "PROVISIONED",
  "endTime": "2026-11-24T09:00:11.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/333a4148-4f56-4d64-ab72-7980878e959c-14/12192027-2e35-4c43-8a51-585f666d747b",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "UPDATE_STORAGE_MODE",
  "provisioned": {
    "sourceClusterInfo": {
      "storageMode": "LOCAL"
    },
    "targetClusterInfo": {
      "storageMode": "TIERED"
    }
  },
  "startTime": "2026-11-24T09:00:06.000Z"
}

update orders UpdateStorage "storageMode":"TIERED"
----
400 BadRequestException [storageMode] The specified parameter value is identical to the current value for the cluster. Specify a different value, then try again.

update orders UpdateClusterKafkaVersion "targetKafkaVersion":"3.9.x"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION PENDING 0/5, 3 brokers, listeners [TLS]

describe orders
----
{
  "activeOperationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/333a4148-4f56-4d64-ab72-7980878e959c-14/40474e55-5c63-4a71-b87f-868d949ba2a9",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/333a4148-4f56-4d64-ab72-7980878e959c-14",
  "clusterName": "orders",
  "clusterType": "PROVISIONED",
  "creationTime": "2026-11-24T09:00:00.000Z",
  "currentVersion": "K6DKRY5CJQX4BI",
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
      "instanceType": "kafka.m7g.large",
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
      "kafkaVersion": "2.8.2.tiered"
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
    "storageMode": "TIERED",
    "zookeeperConnectString": "z-1.orders.qx4bi5.c14.kafka.us-east-1.amazonaws.com:2181,z-2.orders.qx4bi5.c14.kafka.us-east-1.amazonaws.com:2181,z-3.orders.qx4bi5.c14.kafka.us-east-1.amazonaws.com:2181",
    "zookeeperConnectStringTls": "z-1.orders.qx4bi5.c14.kafka.us-east-1.amazonaws.com:2182,z-2.orders.qx4bi5.c14.kafka.us-east-1.amazonaws.com:2182,z-3.orders.qx4bi5.c14.kafka.us-east-1.amazonaws.com:2182"
  },
  "state": "UPDATING",
  "tags": {}
}
