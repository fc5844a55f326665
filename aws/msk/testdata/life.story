# A cluster is made, serves, heals and goes.
create Orders-Prod-With-A-Long-Name "clientAuthentication":{"sasl":{"iam":{"enabled":true}}}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [SASL_IAM]

bootstrap Orders-Prod-With-A-Long-Name
----
400 BadRequestException [] You can't get bootstrap broker nodes for a cluster in CREATING state.

delete Orders-Prod-With-A-Long-Name
----
400 BadRequestException [] You can't delete cluster in CREATING state.

nodes Orders-Prod-With-A-Long-Name
----
[
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10001.ordersprodwithalongn.ipw3ah.c20.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10002.ordersprodwithalongn.ipw3ah.c20.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10003.ordersprodwithalongn.ipw3ah.c20.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "brokerNodeInfo": {
      "attachedENIId": "eni-0bc6ad08108bfce14",
      "brokerId": 1,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-a",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.9.x.kraft"
      }
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20/737a8188-8f96-4da4-abb2-b9c0c7060d14",
    "nodeType": "BROKER"
  },
  {
    "brokerNodeInfo": {
      "attachedENIId": "eni-0babbe7885550effc",
      "brokerId": 2,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-b",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.9.x.kraft"
      }
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20/1b222930-373e-454c-935a-61686f767d84",
    "nodeType": "BROKER"
  },
  {
    "brokerNodeInfo": {
      "attachedENIId": "eni-01194060bcd92a8fd",
      "brokerId": 3,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-c",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.9.x.kraft"
      }
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20/8b9299a0-a7ae-45bc-8302-0910171e252c",
    "nodeType": "BROKER"
  }
]

active Orders-Prod-With-A-Long-Name 127.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE, 3 brokers, listeners [SASL_IAM]

# The same report again changes nothing.
active Orders-Prod-With-A-Long-Name 127.0.0.1
----
(nothing)

describe Orders-Prod-With-A-Long-Name
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20",
  "clusterName": "Orders-Prod-With-A-Long-Name",
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

bootstrap Orders-Prod-With-A-Long-Name
----
{
  "bootstrapBrokerStringSaslIam": "127.0.0.1:20013,127.0.0.1:20023,127.0.0.1:20033"
}

nodes Orders-Prod-With-A-Long-Name
----
[
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10001.ordersprodwithalongn.ipw3ah.c20.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10002.ordersprodwithalongn.ipw3ah.c20.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10003.ordersprodwithalongn.ipw3ah.c20.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:01.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-0bc6ad08108bfce14",
      "brokerId": 1,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-a",
      "clientVpcIpAddress": "127.0.0.1",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.9.x.kraft"
      },
      "endpoints": [
        "127.0.0.1"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20/737a8188-8f96-4da4-abb2-b9c0c7060d14",
    "nodeType": "BROKER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:01.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-0babbe7885550effc",
      "brokerId": 2,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-b",
      "clientVpcIpAddress": "127.0.0.1",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.9.x.kraft"
      },
      "endpoints": [
        "127.0.0.1"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20/1b222930-373e-454c-935a-61686f767d84",
    "nodeType": "BROKER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:01.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-01194060bcd92a8fd",
      "brokerId": 3,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-c",
      "clientVpcIpAddress": "127.0.0.1",
      "currentBrokerSoftwareInfo": {
        "kafkaVersion": "3.9.x.kraft"
      },
      "endpoints": [
        "127.0.0.1"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20/8b9299a0-a7ae-45bc-8302-0910171e252c",
    "nodeType": "BROKER"
  }
]

healing Orders-Prod-With-A-Long-Name
----
healingStarted: arn:aws:kafka:us-east-1:123456789012:cluster/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20 is HEALING, 3 brokers, listeners [SASL_IAM]

active Orders-Prod-With-A-Long-Name 127.0.0.2
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE, 3 brokers, listeners [SASL_IAM]

delete Orders-Prod-With-A-Long-Name K0
----
400 BadRequestException [currentVersion] The version of the cluster isn't current. Check the current version and try again.

delete Orders-Prod-With-A-Long-Name
----
deletionStarted: arn:aws:kafka:us-east-1:123456789012:cluster/Orders-Prod-With-A-Long-Name/070e151c-232a-4138-bf46-4d545b626970-20 is DELETING, 3 brokers, listeners [SASL_IAM]

# A report that the deletion overtook changes nothing.
active Orders-Prod-With-A-Long-Name 127.0.0.2
----
(nothing)

bootstrap Orders-Prod-With-A-Long-Name
----
400 BadRequestException [] You can't get bootstrap broker nodes for a cluster in DELETING state.

delete Orders-Prod-With-A-Long-Name
----
400 BadRequestException [] You can't delete cluster in DELETING state.

# A cluster that heals can be deleted.
create h
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/h/333a4148-4f56-4d64-ab72-7980878e959c-14 is CREATING, 3 brokers, listeners [TLS]

active h 127.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/h/333a4148-4f56-4d64-ab72-7980878e959c-14 is ACTIVE, 3 brokers, listeners [TLS]

healing h
----
healingStarted: arn:aws:kafka:us-east-1:123456789012:cluster/h/333a4148-4f56-4d64-ab72-7980878e959c-14 is HEALING, 3 brokers, listeners [TLS]

delete h
----
deletionStarted: arn:aws:kafka:us-east-1:123456789012:cluster/h/333a4148-4f56-4d64-ab72-7980878e959c-14 is DELETING, 3 brokers, listeners [TLS]
