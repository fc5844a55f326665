create orders "kafkaVersion":"3.9.x"
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [TLS]

# Nothing changes but what is ACTIVE.
update orders UpdateStorage "volumeSizeGB":2000
----
400 BadRequestException [] You can't update cluster in CREATING state.

active orders 10.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE, 3 brokers, listeners [TLS]

# Storage grows, in steps, and not again at once.
update orders UpdateStorage "volumeSizeGB":2000,"currentVersion":"K0"
----
400 BadRequestException [currentVersion] The version of the cluster isn't current. Check the current version and try again.

update orders UpdateStorage "volumeSizeGB":1000
----
400 BadRequestException [] The request does not include any updates to the EBS volumes of the cluster. Verify the request, then try again.

update orders UpdateStorage "volumeSizeGB":1009
----
400 BadRequestException [volumeSizeGB] To update storage, you must increase it by at least 10 GiB.

update orders UpdateStorage "volumeSizeGB":16385
----
400 BadRequestException [volumeSizeGB] The volume size can be at most 16384 GiB.

update orders UpdateStorage "volumeSizeGB":2000,"storageMode":"TIERED"
----
400 BadRequestException [] You can't update multiple attributes of the cluster in same request. Use a different request for each update.

update orders UpdateBrokerStorage "targetBrokerEBSVolumeInfo":[{"kafkaBrokerNodeId":"1","volumeSizeGB":2000}]
----
400 BadRequestException [targetBrokerEBSVolumeInfo] The volumes of all brokers must be updated together. Specify one element with the kafkaBrokerNodeId All.

update orders UpdateBrokerStorage "targetBrokerEBSVolumeInfo":[{"kafkaBrokerNodeId":"ALL","volumeSizeGB":2000}]
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_EBS_VOLUME PENDING 0/1, 3 brokers, listeners [TLS]

update orders UpdateStorage "volumeSizeGB":3000
----
400 BadRequestException [] You can't update cluster in UPDATING state.

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_EBS_VOLUME UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_BROKER_EBS_VOLUME UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "b2b9c0c7-060d-441b-a229-30373e454c53",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T09:00:07.000Z",
  "endTime": "2026-11-24T09:00:10.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/42495057-5e65-4c73-ba81-888f969da4ab",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "UPDATE_BROKER_EBS_VOLUME",
  "sourceClusterInfo": {
    "brokerEBSVolumeInfo": [
      {
        "kafkaBrokerNodeId": "All",
        "volumeSizeGB": 1000
      }
    ]
  },
  "targetClusterInfo": {
    "brokerEBSVolumeInfo": [
      {
        "kafkaBrokerNodeId": "All",
        "volumeSizeGB": 2000
      }
    ]
  }
}

update orders UpdateStorage "volumeSizeGB":3000
----
400 BadRequestException [volumeSizeGB] You can update the storage of the cluster only once in 6 hours. Try again in 6h0m0s.

wait 6h
----
2026-11-24T15:00:11Z

update orders UpdateStorage "volumeSizeGB":3000
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_EBS_VOLUME PENDING 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_EBS_VOLUME UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_BROKER_EBS_VOLUME UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

# The type: every broker starts again.
update orders UpdateBrokerType "targetInstanceType":"kafka.m5.large"
----
400 BadRequestException [targetInstanceType] The cluster has the broker type m5.large already.

update orders UpdateBrokerType "targetInstanceType":"kafka.m5.huge"
----
400 BadRequestException [targetInstanceType] Unsupported InstanceType specified. Valid values: [kafka.t3.small, kafka.m5.large, kafka.m5.xlarge, kafka.m5.2xlarge, kafka.m5.4xlarge, kafka.m5.8xlarge, kafka.m5.12xlarge, kafka.m5.16xlarge, kafka.m5.24xlarge, kafka.m7g.large, kafka.m7g.xlarge, kafka.m7g.2xlarge, kafka.m7g.4xlarge, kafka.m7g.8xlarge, kafka.m7g.12xlarge, kafka.m7g.16xlarge, express.m7g.large, express.m7g.xlarge, express.m7g.2xlarge, express.m7g.4xlarge, express.m7g.8xlarge, express.m7g.12xlarge, express.m7g.16xlarge]

held 1=400/400
----
map[1:{400 400 0}]

update orders UpdateBrokerType "targetInstanceType":"kafka.t3.small"
----
400 BadRequestException [] The number of partitions per broker is above the recommended limit. Add more brokers and rearrange the partitions per broker to be below the recommended limit, then retry the request

held 1=300/300
----
map[1:{300 300 0}]

update orders UpdateBrokerType "targetInstanceType":"kafka.t3.small"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_TYPE PENDING 0/4, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_TYPE UPDATE_IN_PROGRESS 0/4, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "272e353c-434a-4158-9f66-6d747b828990",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T15:00:18.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/7f868d94-9ba2-49b0-b7be-c5040b121920",
  "operationState": "UPDATE_IN_PROGRESS",
  "operationType": "UPDATE_BROKER_TYPE",
  "sourceClusterInfo": {
    "instanceType": "m5.large"
  },
  "targetClusterInfo": {
    "instanceType": "t3.small"
  }
}

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_TYPE UPDATE_IN_PROGRESS 1/4, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_TYPE UPDATE_IN_PROGRESS 2/4, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_TYPE UPDATE_IN_PROGRESS 3/4, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_BROKER_TYPE UPDATE_COMPLETE 4/4, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "272e353c-434a-4158-9f66-6d747b828990",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T15:00:18.000Z",
  "endTime": "2026-11-24T15:00:23.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/7f868d94-9ba2-49b0-b7be-c5040b121920",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "UPDATE_BROKER_TYPE",
  "sourceClusterInfo": {
    "instanceType": "m5.large"
  },
  "targetClusterInfo": {
    "instanceType": "t3.small"
  }
}

# Monitoring: all of it at once, as Terraform asks, or a part.
update orders UpdateMonitoring
----
400 BadRequestException [] Specify one of enhancedMonitoring, openMonitoring and loggingInfo.

update orders UpdateMonitoring "loggingInfo":{"brokerLogs":{"firehose":{"enabled":true,"deliveryStream":"d"}}}
----
400 BadRequestException [firehose] millrace does not implement delivery of broker logs to Firehose (firehose.enabled) yet.

update orders UpdateMonitoring "enhancedMonitoring":"PER_BROKER","openMonitoring":{"prometheus":{"jmxExporter":{"enabledInBroker":true}}}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_MONITORING PENDING 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_MONITORING UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CLUSTER_MONITORING UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "a2a9b0b7-bec5-440b-9219-20272e353c43",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T15:00:24.000Z",
  "endTime": "2026-11-24T15:00:26.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/32394047-4e55-4c63-aa71-787f868d949b",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "UPDATE_CLUSTER_MONITORING",
  "sourceClusterInfo": {
    "enhancedMonitoring": "DEFAULT",
    "openMonitoring": {
      "prometheus": {
        "jmxExporter": {
          "enabledInBroker": false
        },
        "nodeExporter": {
          "enabledInBroker": false
        }
      }
    }
  },
  "targetClusterInfo": {
    "enhancedMonitoring": "PER_BROKER",
    "openMonitoring": {
      "prometheus": {
        "jmxExporter": {
          "enabledInBroker": true
        },
        "nodeExporter": {
          "enabledInBroker": false
        }
      }
    }
  }
}

update orders UpdateMonitoring "enhancedMonitoring":"PER_BROKER"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_MONITORING PENDING 0/1, 3 brokers, listeners [TLS]

failed orders Broken before it began
----
broken: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CLUSTER_MONITORING UPDATE_FAILED 0/1, 3 brokers, listeners [TLS]

describe orders
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "clusterName": "orders",
  "clusterType": "PROVISIONED",
  "creationTime": "2026-11-24T09:00:00.000Z",
  "currentVersion": "K29GNU18FMT07E",
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
      "instanceType": "kafka.t3.small",
      "storageInfo": {
        "ebsStorageInfo": {
          "volumeSize": 3000
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
      "kafkaVersion": "3.9.x"
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
    "enhancedMonitoring": "PER_BROKER",
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
    "zookeeperConnectString": "z-1.orders.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2181,z-2.orders.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2181,z-3.orders.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2181",
    "zookeeperConnectStringTls": "z-1.orders.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2182,z-2.orders.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2182,z-3.orders.ipw3ah.c20.kafka.us-east-1.amazonaws.com:2182"
  },
  "state": "ACTIVE",
  "tags": {}
}

# Ways to connect.
update orders UpdateSecurity "clientAuthentication":{"unauthenticated":{"enabled":true}}
----
400 BadRequestException [] The request does not include any updates to the security setting of the cluster. Verify the request, then try again.

update orders UpdateSecurity "encryptionInfo":{"encryptionInTransit":{"inCluster":false}}
----
400 BadRequestException [encryptionInfo] Updating the inter-broker encryption setting on your cluster is not currently supported.

update orders UpdateSecurity "encryptionInfo":{"encryptionAtRest":{"dataVolumeKMSKeyId":"arn:aws:kms:us-east-1:123456789012:key/1"}}
----
400 BadRequestException [encryptionInfo] Updating encryption-at-rest settings on your cluster is not currently supported.

update orders UpdateSecurity "clientAuthentication":{"unauthenticated":{"enabled":false}}
----
400 BadRequestException [clientAuthentication] Unauthenticated cannot be set to false without enabling any authentication mechanisms.

update orders UpdateSecurity "clientAuthentication":{"unauthenticated":{"enabled":false},"sasl":{"iam":{"enabled":true}}}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_SECURITY PENDING 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_SECURITY UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [SASL_IAM]

wanted orders
----
generation 15, Kafka 3.9.x, [SASL_IAM]
broker 1 in subnet-a boot 1 Kafka 3.9.x map[]
broker 2 in subnet-b boot 1 Kafka 3.9.x map[]
broker 3 in subnet-c boot 1 Kafka 3.9.x map[]

bootstrap orders
----
{
  "bootstrapBrokerStringSaslIam": "10.0.0.1:20013,10.0.0.1:20023,10.0.0.1:20033"
}

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_SECURITY UPDATE_COMPLETE 1/1, 3 brokers, listeners [SASL_IAM]

bootstrap orders
----
{
  "bootstrapBrokerStringSaslIam": "10.0.0.1:20013,10.0.0.1:20023,10.0.0.1:20033"
}

operation orders
----
{
  "clientRequestId": "646b7279-8087-4e95-9ca3-aab1b8bfc605",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T15:00:32.000Z",
  "endTime": "2026-11-24T15:00:34.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/bcc30209-1017-4e25-ac33-3a41484f565d",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "UPDATE_SECURITY",
  "sourceClusterInfo": {
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
    "encryptionInfo": {
      "encryptionAtRest": {
        "dataVolumeKMSKeyId": "arn:aws:kms:us-east-1:123456789012:key/af4db833-47d0-50ab-8d36-57423f210549"
      },
      "encryptionInTransit": {
        "clientBroker": "TLS",
        "inCluster": true
      }
    }
  },
  "targetClusterInfo": {
    "clientAuthentication": {
      "sasl": {
        "iam": {
          "enabled": true
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
        "enabled": false
      }
    },
    "encryptionInfo": {
      "encryptionAtRest": {
        "dataVolumeKMSKeyId": "arn:aws:kms:us-east-1:123456789012:key/af4db833-47d0-50ab-8d36-57423f210549"
      },
      "encryptionInTransit": {
        "clientBroker": "TLS",
        "inCluster": true
      }
    }
  }
}
