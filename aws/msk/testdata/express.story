# What Express brokers cannot be asked for.
create x "brokerNodeGroupInfo":{"instanceType":"express.m7g.large","clientSubnets":["subnet-a","subnet-b"]},"numberOfBrokerNodes":2
----
400 BadRequestException [brokerNodeGroupInfo] Clusters with Express instance types require 3 subnets.

create x "brokerNodeGroupInfo":{"instanceType":"express.m7g.large","storageInfo":{"ebsStorageInfo":{"volumeSize":100}}}
----
400 BadRequestException [brokerNodeGroupInfo] The storageInfo parameter is not supported for Express instance types.

create x "brokerNodeGroupInfo":{"instanceType":"express.m7g.large"},"storageMode":"LOCAL"
----
400 BadRequestException [storageMode] The storageMode parameter is not supported for Express instance types.

create x "brokerNodeGroupInfo":{"instanceType":"express.m7g.large"},"kafkaVersion":"3.9.x"
----
400 BadRequestException [kafkaVersion] Express instance types are not supported for Kafka version 3.9.x. Valid values: [3.8.x, 3.9.x.kraft]

create x "brokerNodeGroupInfo":{"instanceType":"express.m7g.large"},"rebalancing":{"status":"SOMETIMES"}
----
400 BadRequestException [rebalancing] Unsupported Rebalancing status [SOMETIMES]. Valid values: [ACTIVE, PAUSED]

# Configurations of standard brokers, and of Express brokers.
configuration standard min.insync.replicas=1;num.io.threads=16
----
arn:aws:kafka:us-east-1:123456789012:configuration/standard/00000000-1111-2222-3333-444444444444-1 revision 1

configuration express max.connections.per.ip=100;num.partitions=6
----
arn:aws:kafka:us-east-1:123456789012:configuration/express/00000000-1111-2222-3333-444444444444-1 revision 1

create x "brokerNodeGroupInfo":{"instanceType":"express.m7g.large"},"configurationInfo":{"arn":"standard","revision":1}
----
400 BadRequestException [configurationInfo] [ {
  "name" : "min.insync.replicas",
  "value" : "1",
  "errorMessages" : [ "Key 'min.insync.replicas' is not supported for the broker type express.m7g.large." ]
}, {
  "name" : "num.io.threads",
  "value" : "16",
  "errorMessages" : [ "Key 'num.io.threads' is not supported for the broker type express.m7g.large." ]
} ]

create s "configurationInfo":{"arn":"express","revision":1}
----
400 BadRequestException [configurationInfo] [ {
  "name" : "max.connections.per.ip",
  "value" : "100",
  "errorMessages" : [ "Key 'max.connections.per.ip' is not supported for the broker type kafka.m5.large." ]
} ]

create x "brokerNodeGroupInfo":{"instanceType":"express.m7g.large"},"kafkaVersion":"3.9.x.kraft","configurationInfo":{"arn":"express","revision":1}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is CREATING, 3 brokers, listeners [TLS]

active x 10.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is ACTIVE, 3 brokers, listeners [TLS]

describe x
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9",
  "clusterName": "x",
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
      "instanceType": "express.m7g.large",
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
      "configurationArn": "arn:aws:kafka:us-east-1:123456789012:configuration/express/00000000-1111-2222-3333-444444444444-1",
      "configurationRevision": 1,
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
    "rebalancing": {
      "status": "ACTIVE"
    }
  },
  "state": "ACTIVE",
  "tags": {}
}

wanted x
----
generation 0, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 0 Kafka 3.9.x.kraft map[log.message.timestamp.after.max.ms:86400000 log.message.timestamp.before.max.ms:86400000 max.connections.per.ip:100 num.network.threads:8 num.partitions:6 unclean.leader.election.enable:false]
broker 2 in subnet-b boot 0 Kafka 3.9.x.kraft map[log.message.timestamp.after.max.ms:86400000 log.message.timestamp.before.max.ms:86400000 max.connections.per.ip:100 num.network.threads:8 num.partitions:6 unclean.leader.election.enable:false]
broker 3 in subnet-c boot 0 Kafka 3.9.x.kraft map[log.message.timestamp.after.max.ms:86400000 log.message.timestamp.before.max.ms:86400000 max.connections.per.ip:100 num.network.threads:8 num.partitions:6 unclean.leader.election.enable:false]

# Their storage has no size, their type stays an Express type, and their
# partitions are limited.
update x UpdateStorage "volumeSizeGB":2000
----
400 BadRequestException [clusterArn] Storage cannot be updated for clusters with Express instance types.

update x UpdateBrokerStorage "targetBrokerEBSVolumeInfo":[{"kafkaBrokerNodeId":"All","volumeSizeGB":2000}]
----
400 BadRequestException [clusterArn] Storage cannot be updated for clusters with Express instance types.

update x UpdateBrokerType "targetInstanceType":"kafka.m7g.large"
----
400 BadRequestException [targetInstanceType] The broker type express.m7g.large cannot be changed to kafka.m7g.large.

held 1=1600/1600
----
map[1:{1600 1600 0}]

update x UpdateBrokerType "targetInstanceType":"express.m7g.2xlarge"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_BROKER_TYPE PENDING 0/4, 3 brokers, listeners [TLS]

active x 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_BROKER_TYPE UPDATE_IN_PROGRESS 0/4, 3 brokers, listeners [TLS]

# Rebalancing is paused and taken up again.
held 1=0/0
----
map[1:{0 0 0}]

update x UpdateRebalancing "rebalancing":{"status":"ACTIVE"}
----
400 BadRequestException [] You can't update cluster in UPDATING state.

active x 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_BROKER_TYPE UPDATE_IN_PROGRESS 1/4, 3 brokers, listeners [TLS]

active x 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_BROKER_TYPE UPDATE_IN_PROGRESS 2/4, 3 brokers, listeners [TLS]

active x 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_BROKER_TYPE UPDATE_IN_PROGRESS 3/4, 3 brokers, listeners [TLS]

active x 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is ACTIVE UPDATE_BROKER_TYPE UPDATE_COMPLETE 4/4, 3 brokers, listeners [TLS]

active x 10.0.0.1
----
(nothing)

update x UpdateRebalancing "rebalancing":{"status":"ACTIVE"}
----
400 BadRequestException [rebalancing] The rebalancing status of the cluster is ACTIVE already.

update x UpdateRebalancing "rebalancing":{"status":"PAUSED"}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_REBALANCING PENDING 0/1, 3 brokers, listeners [TLS]

active x 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is UPDATING UPDATE_REBALANCING UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active x 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9 is ACTIVE UPDATE_REBALANCING UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

operation x
----
{
  "clientRequestId": "a5acb3ba-c100-470e-951c-232a31383f46",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9",
  "creationTime": "2026-11-24T09:00:14.000Z",
  "endTime": "2026-11-24T09:00:16.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/x/474e555c-636a-4178-bf86-8d949ba2a9b0-9/353c434a-5158-4f66-ad74-7b828990979e",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "UPDATE_REBALANCING",
  "sourceClusterInfo": {
    "rebalancing": {
      "status": "ACTIVE"
    }
  },
  "targetClusterInfo": {
    "rebalancing": {
      "status": "PAUSED"
    }
  }
}

# A cluster of standard brokers has no rebalancing, and keeps its kind.
create s
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/s/b0b7bec5-040b-4219-a027-2e353c434a51-14 is CREATING, 3 brokers, listeners [TLS]

active s 10.0.0.2
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/s/b0b7bec5-040b-4219-a027-2e353c434a51-14 is ACTIVE, 3 brokers, listeners [TLS]

update s UpdateRebalancing "rebalancing":{"status":"PAUSED"}
----
400 BadRequestException [rebalancing] Rebalancing is for express brokers only.

update s UpdateBrokerType "targetInstanceType":"express.m7g.large"
----
400 BadRequestException [targetInstanceType] The broker type kafka.m5.large cannot be changed to express.m7g.large at once. To begin the upgrade to Express brokers, specify both types: kafka.m5.large,express.m7g.large

update s UpdateClusterConfiguration "configurationInfo":{"arn":"express","revision":1}
----
400 BadRequestException [configurationInfo] [ {
  "name" : "max.connections.per.ip",
  "value" : "100",
  "errorMessages" : [ "Key 'max.connections.per.ip' is not supported for the broker type kafka.m5.large." ]
} ]
