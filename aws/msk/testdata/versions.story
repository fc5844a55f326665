# A cluster with ZooKeeper, on its way to the last version that has it.
create zoo "kafkaVersion":"3.8.x","openMonitoring":{"prometheus":{"jmxExporter":{"enabledInBroker":true}}}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [TLS]

active zoo h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE, 3 brokers, listeners [TLS]

describe zoo
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20",
  "clusterName": "zoo",
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
      "kafkaVersion": "3.8.x"
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
          "enabledInBroker": true
        },
        "nodeExporter": {
          "enabledInBroker": false
        }
      }
    },
    "storageMode": "LOCAL",
    "zookeeperConnectString": "z-1.zoo.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2181,z-2.zoo.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2181,z-3.zoo.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2181",
    "zookeeperConnectStringTls": "z-1.zoo.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2182,z-2.zoo.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2182,z-3.zoo.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2182"
  },
  "state": "ACTIVE",
  "tags": {}
}

nodes zoo
----
[
  {
    "addedToClusterTime": "2026-11-24T09:00:01.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-089cbfaa388864cd8",
      "brokerId": 1,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-a",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.8.x"
      },
      "endpoints": [
        "h"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/zoo/070e151c-232a-4138-bf46-4d545b626970-20/737a8188-8f96-4da4-abb2-b9c0c7060d14",
    "nodeType": "BROKER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:01.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-009f1559ef059de67",
      "brokerId": 2,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-b",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.8.x"
      },
      "endpoints": [
        "h"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/zoo/070e151c-232a-4138-bf46-4d545b626970-20/1b222930-373e-454c-935a-61686f767d84",
    "nodeType": "BROKER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:01.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-0c5da651da8ad7c62",
      "brokerId": 3,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-c",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.8.x"
      },
      "endpoints": [
        "h"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/zoo/070e151c-232a-4138-bf46-4d545b626970-20/8b9299a0-a7ae-45bc-8302-0910171e252c",
    "nodeType": "BROKER"
  }
]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"3.8.x.kraft"
----
400 BadRequestException [targetKafkaVersion] Unsupported KafkaVersion [3.8.x.kraft]. Valid values: [3.9.x]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"4.0.x.kraft"
----
400 BadRequestException [targetKafkaVersion] Unsupported KafkaVersion [4.0.x.kraft]. Valid values: [3.9.x]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"3.7.x"
----
400 BadRequestException [targetKafkaVersion] Unsupported KafkaVersion [3.7.x]. Valid values: [3.9.x]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"3.8.x"
----
400 BadRequestException [targetKafkaVersion] The specified parameter value is identical to the current value for the cluster. Specify a different value, then try again.

# Replicas that are out of sync keep the brokers from starting again.
held 1=4/4 2=4/4/2 3=4/4
----
map[1:{4 4 0} 2:{4 4 2} 3:{4 4 0}]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"3.9.x"
----
400 BadRequestException [targetKafkaVersion] The cluster has under-replicated partitions: 2 replicas of broker 2 are out of sync. Try again when they have caught up.

held 1=1501/4
----
map[1:{1501 4 0}]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"3.9.x"
----
400 BadRequestException [] The number of partitions per broker is above the recommended limit. Add more brokers and rearrange the partitions per broker to be below the recommended limit, then retry the request

held 1=4/4 2=4/4 3=4/4
----
map[1:{4 4 0} 2:{4 4 0} 3:{4 4 0}]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"3.9.x"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION PENDING 0/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 0/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 1/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 2/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 3/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 4/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CLUSTER_KAFKA_VERSION UPDATE_COMPLETE 5/5, 3 brokers, listeners [TLS]

# From 3.9.x, and from nothing else, a cluster goes to KRaft, once nobody may
# reach its ZooKeeper.
update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"4.0.x.kraft"
----
400 BadRequestException [targetKafkaVersion] Unsupported KafkaVersion [4.0.x.kraft]. Valid values: [3.9.x.kraft]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"3.9.x.kraft"
----
400 BadRequestException [targetKafkaVersion] To migrate the cluster from ZooKeeper to KRaft, access to ZooKeeper must be disabled first: use UpdateConnectivity with zookeeperAccess.

update zoo UpdateConnectivity "zookeeperAccess":{"enabled":false}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CONNECTIVITY UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CONNECTIVITY UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"3.9.x.kraft"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION PENDING 0/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 0/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 1/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 2/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 3/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 4/5, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CLUSTER_KAFKA_VERSION UPDATE_COMPLETE 5/5, 3 brokers, listeners [TLS]

describe zoo
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/zoo/070e151c-232a-4138-bf46-4d545b626970-20",
  "clusterName": "zoo",
  "clusterType": "PROVISIONED",
  "creationTime": "2026-11-24T09:00:00.000Z",
  "currentVersion": "KX4BIPW3AHOV29",
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
          "enabledInBroker": true
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

nodes zoo
----
[
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10001.zoo.ipw3ah.c20.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10002.zoo.ipw3ah.c20.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10003.zoo.ipw3ah.c20.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:01.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-089cbfaa388864cd8",
      "brokerId": 1,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-a",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.9.x.kraft"
      },
      "endpoints": [
        "h"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/zoo/070e151c-232a-4138-bf46-4d545b626970-20/737a8188-8f96-4da4-abb2-b9c0c7060d14",
    "nodeType": "BROKER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:01.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-009f1559ef059de67",
      "brokerId": 2,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-b",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.9.x.kraft"
      },
      "endpoints": [
        "h"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/zoo/070e151c-232a-4138-bf46-4d545b626970-20/1b222930-373e-454c-935a-61686f767d84",
    "nodeType": "BROKER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:01.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-0c5da651da8ad7c62",
      "brokerId": 3,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-c",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.9.x.kraft"
      },
      "endpoints": [
        "h"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/zoo/070e151c-232a-4138-bf46-4d545b626970-20/8b9299a0-a7ae-45bc-8302-0910171e252c",
    "nodeType": "BROKER"
  }
]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"3.9.x"
----
400 BadRequestException [targetKafkaVersion] Unsupported KafkaVersion [3.9.x]. Valid values: [4.0.x.kraft, 4.1.x.kraft]

# Brokers in two zones, and small ones, stay with ZooKeeper.
create two "kafkaVersion":"3.9.x","brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-b"],"instanceType":"kafka.m5.large"},"numberOfBrokerNodes":2
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/two/7f868d94-9ba2-49b0-b7be-c5040b121920-15 is CREATING, 2 brokers, listeners [TLS]

active two h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/two/7f868d94-9ba2-49b0-b7be-c5040b121920-15 is ACTIVE, 2 brokers, listeners [TLS]

update two UpdateConnectivity "zookeeperAccess":{"enabled":false}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/two/7f868d94-9ba2-49b0-b7be-c5040b121920-15 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 2 brokers, listeners [TLS]

active two h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/two/7f868d94-9ba2-49b0-b7be-c5040b121920-15 is UPDATING UPDATE_CONNECTIVITY UPDATE_IN_PROGRESS 0/1, 2 brokers, listeners [TLS]

active two h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/two/7f868d94-9ba2-49b0-b7be-c5040b121920-15 is ACTIVE UPDATE_CONNECTIVITY UPDATE_COMPLETE 1/1, 2 brokers, listeners [TLS]

update two UpdateClusterKafkaVersion "targetKafkaVersion":"3.9.x.kraft"
----
400 BadRequestException [targetKafkaVersion] To migrate the cluster from ZooKeeper to KRaft, it must have brokers in three Availability Zones.

create small "kafkaVersion":"3.9.x","brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-b","subnet-c"],"instanceType":"kafka.t3.small"}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/small/6970777e-858c-439a-a1a8-afb6bdc4030a-18 is CREATING, 3 brokers, listeners [TLS]

active small h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/small/6970777e-858c-439a-a1a8-afb6bdc4030a-18 is ACTIVE, 3 brokers, listeners [TLS]

update small UpdateConnectivity "zookeeperAccess":{"enabled":false}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/small/6970777e-858c-439a-a1a8-afb6bdc4030a-18 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 3 brokers, listeners [TLS]

active small h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/small/6970777e-858c-439a-a1a8-afb6bdc4030a-18 is UPDATING UPDATE_CONNECTIVITY UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active small h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/small/6970777e-858c-439a-a1a8-afb6bdc4030a-18 is ACTIVE UPDATE_CONNECTIVITY UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

update small UpdateClusterKafkaVersion "targetKafkaVersion":"3.9.x.kraft"
----
400 BadRequestException [targetKafkaVersion] The migration from ZooKeeper to KRaft is not supported for the broker type t3.small.
