# What a cluster must be before anybody reaches it from elsewhere.
configuration closed allow.everyone.if.no.acl.found=false
----
arn:aws:kafka:us-east-1:123456789012:configuration/closed/00000000-1111-2222-3333-444444444444-1 revision 1

configuration open allow.everyone.if.no.acl.found=true
----
arn:aws:kafka:us-east-1:123456789012:configuration/open/00000000-1111-2222-3333-444444444444-1 revision 1

create c "brokerNodeGroupInfo":{"connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}}
----
400 BadRequestException [publicAccess] When creating a cluster, the only valid value for the Type parameter in PublicAccess is DISABLED.

create c "brokerNodeGroupInfo":{"connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"tls":{"enabled":true}}}}}
----
400 BadRequestException [vpcConnectivity.clientAuthentication] When creating a cluster, all vpcConnectivity auth schemes must be disabled ('enabled' : false). You can enable auth schemes after the cluster is created.

create old "kafkaVersion":"2.5.1","clientAuthentication":{"sasl":{"scram":{"enabled":true}}},"brokerNodeGroupInfo":{"connectivityInfo":{"publicAccess":{"type":"DISABLED"}}}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/old/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [SASL_SCRAM]

active old h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/old/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE, 3 brokers, listeners [SASL_SCRAM]

update old UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}
----
400 BadRequestException [publicAccess] To turn on public access, the cluster must run Apache Kafka 2.6.0 or later.

update old UpdateConnectivity "connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"sasl":{"scram":{"enabled":true}}}}}
----
400 BadRequestException [vpcConnectivity] To turn on multi-VPC private connectivity, the cluster must run Apache Kafka 2.7.1 or later.

create free
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/free/61686f76-7d84-4b92-99a0-a7aeb5bcc302-10 is CREATING, 3 brokers, listeners [TLS]

active free h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/free/61686f76-7d84-4b92-99a0-a7aeb5bcc302-10 is ACTIVE, 3 brokers, listeners [TLS]

update free UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}
----
400 BadRequestException [publicAccess] To turn on public access, unauthenticated access must be off.

update free UpdateConnectivity "connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"tls":{"enabled":true}}}}
----
400 BadRequestException [vpcConnectivity] To turn on multi-VPC private connectivity, unauthenticated access must be off.

create hidden "clientAuthentication":{"sasl":{"iam":{"enabled":true}}},"brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-b","subnet-c2"]}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/hidden/bbc20108-0f16-4d24-ab32-3940474e555c-25 is CREATING, 3 brokers, listeners [SASL_IAM]

active hidden h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/hidden/bbc20108-0f16-4d24-ab32-3940474e555c-25 is ACTIVE, 3 brokers, listeners [SASL_IAM]

# Private subnets are enough for other VPCs, not for the internet.
update hidden UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}
----
400 BadRequestException [publicAccess] To turn on public access, the subnets of the cluster must be public: the route table of 'subnet-c2' has no route to an internet gateway.

create small "kafkaVersion":"3.9.x","clientAuthentication":{"sasl":{"iam":{"enabled":true}}},"brokerNodeGroupInfo":{"instanceType":"kafka.t3.small"}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/small/9aa1a8af-b6bd-4403-8a11-181f262d343b-17 is CREATING, 3 brokers, listeners [SASL_IAM]

active small h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/small/9aa1a8af-b6bd-4403-8a11-181f262d343b-17 is ACTIVE, 3 brokers, listeners [SASL_IAM]

update small UpdateConnectivity "connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}
----
400 BadRequestException [vpcConnectivity] Multi-VPC private connectivity is not supported for the broker type t3.small.

create mixed "clientAuthentication":{"tls":{"enabled":true,"certificateAuthorityArnList":["arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/active"]},"unauthenticated":{"enabled":true}},"encryptionInfo":{"encryptionInTransit":{"clientBroker":"TLS_PLAINTEXT"}}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/mixed/7980878e-959c-43aa-b1b8-bfc6050c131a-9 is CREATING, 3 brokers, listeners [PLAINTEXT TLS]

active mixed h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/mixed/7980878e-959c-43aa-b1b8-bfc6050c131a-9 is ACTIVE, 3 brokers, listeners [PLAINTEXT TLS]

update mixed UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}
----
400 BadRequestException [publicAccess] To turn on public access, unauthenticated access must be off.

# One that has all that is needed, but for its configuration at first.
create orders "clientAuthentication":{"sasl":{"iam":{"enabled":true},"scram":{"enabled":true}}},"configurationInfo":{"arn":"open","revision":1}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is CREATING, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

update orders UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}
----
400 BadRequestException [] You can't update cluster in CREATING state.

active orders h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is ACTIVE, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

update orders UpdateConnectivity "currentVersion":"K1","connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}
----
400 BadRequestException [currentVersion] The version of the cluster isn't current. Check the current version and try again.

update orders UpdateConnectivity
----
400 BadRequestException [connectivityInfo] Specify one of connectivityInfo and zookeeperAccess.

update orders UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"DISABLED"}},"zookeeperAccess":{"enabled":false}
----
400 BadRequestException [] You can't update multiple attributes of the cluster in same request. Use a different request for each update.

update orders UpdateConnectivity "connectivityInfo":{"networkType":"DUAL"}
----
400 BadRequestException [networkType] Dual-stack connectivity requires subnets that support it: the subnet 'subnet-a' has no IPv6 CIDR block.

update orders UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"EVERYBODY"}}
----
400 BadRequestException [publicAccess] Unsupported PublicAccess type [EVERYBODY]. Valid values: [DISABLED, SERVICE_PROVIDED_EIPS]

update orders UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"DISABLED"},"vpcConnectivity":{"clientAuthentication":{"sasl":{"iam":{"enabled":false},"scram":{"enabled":false}},"tls":{"enabled":false}}}}
----
400 BadRequestException [connectivityInfo] The specified parameter value is identical to the current value for the cluster. Specify a different value, then try again.

update orders UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}
----
400 BadRequestException [publicAccess] To turn on public access, with SASL/SCRAM or mTLS, the configuration of the cluster must set allow.everyone.if.no.acl.found to false.

update orders UpdateConnectivity "connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"sasl":{"scram":{"enabled":true}}}}}
----
400 BadRequestException [vpcConnectivity] To turn on multi-VPC private connectivity, with SASL/SCRAM or mTLS, the configuration of the cluster must set allow.everyone.if.no.acl.found to false.

update orders UpdateConnectivity "connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"tls":{"enabled":true}}}}
----
400 BadRequestException [vpcConnectivity] To turn on multi-VPC private connectivity, its authentication schemes must be on for the cluster: mTLS is off.

update orders UpdateConnectivity "zookeeperAccess":{"enabled":false}
----
400 BadRequestException [zookeeperAccess] The cluster keeps its metadata in KRaft: it has no ZooKeeper nodes.

update orders UpdateClusterConfiguration "configurationInfo":{"arn":"closed","revision":1}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CLUSTER_CONFIGURATION PENDING 0/4, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 0/4, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 1/4, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 2/4, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 3/4, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is ACTIVE UPDATE_CLUSTER_CONFIGURATION UPDATE_COMPLETE 4/4, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

active orders h
----
(nothing)

update orders UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

operation orders
----
{
  "clientRequestId": "979ea5ac-b3ba-4100-870e-151c232a3138",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1",
  "creationTime": "2026-11-24T09:00:29.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1/272e353c-434a-4158-9f66-6d747b828990",
  "operationState": "PENDING",
  "operationType": "UPDATE_CONNECTIVITY",
  "sourceClusterInfo": {
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
    }
  },
  "targetClusterInfo": {
    "connectivityInfo": {
      "publicAccess": {
        "type": "SERVICE_PROVIDED_EIPS"
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
    }
  }
}

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CONNECTIVITY UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_PUBLIC SASL_IAM_PUBLIC]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is ACTIVE UPDATE_CONNECTIVITY UPDATE_COMPLETE 1/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_PUBLIC SASL_IAM_PUBLIC]

bootstrap orders
----
{
  "bootstrapBrokerStringPublicSaslIam": "h:20016,h:20026,h:20036",
  "bootstrapBrokerStringPublicSaslScram": "h:20015,h:20025,h:20035",
  "bootstrapBrokerStringSaslIam": "h:20013,h:20023,h:20033",
  "bootstrapBrokerStringSaslScram": "h:20012,h:20022,h:20032"
}

wanted orders
----
generation 7, Kafka 3.9.x.kraft, [SASL_SCRAM SASL_IAM SASL_SCRAM_PUBLIC SASL_IAM_PUBLIC]
broker 1 in subnet-a boot 1 Kafka 3.9.x.kraft map[allow.everyone.if.no.acl.found:false]
broker 2 in subnet-b boot 1 Kafka 3.9.x.kraft map[allow.everyone.if.no.acl.found:false]
broker 3 in subnet-c boot 1 Kafka 3.9.x.kraft map[allow.everyone.if.no.acl.found:false]

# What public access rests on cannot be taken away under it.
update orders UpdateSecurity "clientAuthentication":{"unauthenticated":{"enabled":true}}
----
400 BadRequestException [publicAccess] To turn on public access, unauthenticated access must be off.

update orders UpdateClusterConfiguration "configurationInfo":{"arn":"open","revision":1}
----
400 BadRequestException [publicAccess] To turn on public access, with SASL/SCRAM or mTLS, the configuration of the cluster must set allow.everyone.if.no.acl.found to false.

update orders UpdateConnectivity "connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_PUBLIC SASL_IAM_PUBLIC]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CONNECTIVITY UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_PUBLIC SASL_IAM_PUBLIC SASL_IAM_VPCE]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is ACTIVE UPDATE_CONNECTIVITY UPDATE_COMPLETE 1/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_PUBLIC SASL_IAM_PUBLIC SASL_IAM_VPCE]

update orders UpdateBrokerType "targetInstanceType":"kafka.t3.small"
----
400 BadRequestException [targetInstanceType] Unsupported InstanceType specified. Valid values: [kafka.m5.large, kafka.m5.xlarge, kafka.m5.2xlarge, kafka.m5.4xlarge, kafka.m5.8xlarge, kafka.m5.12xlarge, kafka.m5.16xlarge, kafka.m5.24xlarge, kafka.m7g.large, kafka.m7g.xlarge, kafka.m7g.2xlarge, kafka.m7g.4xlarge, kafka.m7g.8xlarge, kafka.m7g.12xlarge, kafka.m7g.16xlarge, express.m7g.large, express.m7g.xlarge, express.m7g.2xlarge, express.m7g.4xlarge, express.m7g.8xlarge, express.m7g.12xlarge, express.m7g.16xlarge]

update orders UpdateSecurity "clientAuthentication":{"sasl":{"iam":{"enabled":false}}}
----
400 BadRequestException [vpcConnectivity] To turn on multi-VPC private connectivity, its authentication schemes must be on for the cluster: SASL/IAM is off.

# What fails goes back to what was, also midway.
update orders UpdateConnectivity "connectivityInfo":{"publicAccess":{"type":"DISABLED"}}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_PUBLIC SASL_IAM_PUBLIC SASL_IAM_VPCE]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is UPDATING UPDATE_CONNECTIVITY UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_IAM_VPCE]

wanted orders
----
generation 11, Kafka 3.9.x.kraft, [SASL_SCRAM SASL_IAM SASL_IAM_VPCE]
broker 1 in subnet-a boot 1 Kafka 3.9.x.kraft map[allow.everyone.if.no.acl.found:false]
broker 2 in subnet-b boot 1 Kafka 3.9.x.kraft map[allow.everyone.if.no.acl.found:false]
broker 3 in subnet-c boot 1 Kafka 3.9.x.kraft map[allow.everyone.if.no.acl.found:false]

failed orders PortTaken It is taken.
----
broken: arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1 is ACTIVE UPDATE_CONNECTIVITY UPDATE_FAILED 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_PUBLIC SASL_IAM_PUBLIC SASL_IAM_VPCE]

wanted orders
----
generation 12, Kafka 3.9.x.kraft, [SASL_SCRAM SASL_IAM SASL_SCRAM_PUBLIC SASL_IAM_PUBLIC SASL_IAM_VPCE]
broker 1 in subnet-a boot 1 Kafka 3.9.x.kraft map[allow.everyone.if.no.acl.found:false]
broker 2 in subnet-b boot 1 Kafka 3.9.x.kraft map[allow.everyone.if.no.acl.found:false]
broker 3 in subnet-c boot 1 Kafka 3.9.x.kraft map[allow.everyone.if.no.acl.found:false]

operationV2 orders
----
{
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1",
  "clusterType": "PROVISIONED",
  "endTime": "2026-11-24T09:00:40.000Z",
  "errorInfo": {
    "errorCode": "PortTaken",
    "errorString": "It is taken."
  },
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1/b1b8bfc6-050c-431a-a128-2f363d444b52",
  "operationState": "UPDATE_FAILED",
  "operationType": "UPDATE_CONNECTIVITY",
  "provisioned": {
    "sourceClusterInfo": {
      "connectivityInfo": {
        "publicAccess": {
          "type": "SERVICE_PROVIDED_EIPS"
        },
        "vpcConnectivity": {
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
              "enabled": false
            }
          }
        }
      }
    },
    "targetClusterInfo": {
      "connectivityInfo": {
        "publicAccess": {
          "type": "DISABLED"
        },
        "vpcConnectivity": {
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
              "enabled": false
            }
          }
        }
      }
    }
  },
  "startTime": "2026-11-24T09:00:39.000Z"
}

nodes orders
----
[
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10001.orders.7elsz6.c1.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10002.orders.7elsz6.c1.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "controllerNodeInfo": {
      "endpoints": [
        "c-10003.orders.7elsz6.c1.kafka.us-east-1.amazonaws.com"
      ]
    },
    "nodeType": "CONTROLLER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:14.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-0def8d1f1cb114f3b",
      "brokerId": 1,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-a",
      "currentBrokerSoftwareInfo": {
        "configurationArn": "arn:aws:kafka:us-east-1:123456789012:configuration/closed/00000000-1111-2222-3333-444444444444-1",
        "configurationRevision": 1,
        "kafkaVersion": "3.9.x.kraft"
      },
      "endpoints": [
        "h"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1/c4030a11-181f-462d-b43b-424950575e65",
    "nodeType": "BROKER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:14.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-0adcd218a3ccecdfc",
      "brokerId": 2,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-b",
      "currentBrokerSoftwareInfo": {
        "configurationArn": "arn:aws:kafka:us-east-1:123456789012:configuration/closed/00000000-1111-2222-3333-444444444444-1",
        "configurationRevision": 1,
        "kafkaVersion": "3.9.x.kraft"
      },
      "endpoints": [
        "h"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1/6c737a81-888f-469d-a4ab-b2b9c0c7060d",
    "nodeType": "BROKER"
  },
  {
    "addedToClusterTime": "2026-11-24T09:00:14.000Z",
    "brokerNodeInfo": {
      "attachedENIId": "eni-0c994f8a5aa20e85f",
      "brokerId": 3,
      "brokerNodeType": "STANDARD",
      "clientSubnet": "subnet-c",
      "currentBrokerSoftwareInfo": {
        "configurationArn": "arn:aws:kafka:us-east-1:123456789012:configuration/closed/00000000-1111-2222-3333-444444444444-1",
        "configurationRevision": 1,
        "kafkaVersion": "3.9.x.kraft"
      },
      "endpoints": [
        "h"
      ]
    },
    "instanceType": "m5.large",
    "nodeARN": "arn:aws:kafka:us-east-1:123456789012:broker/orders/585f666d-747b-4289-9097-9ea5acb3bac1-1/141b2229-3037-4e45-8c53-5a61686f767d",
    "nodeType": "BROKER"
  }
]

# ZooKeeper is there without KRaft alone.
create zoo "kafkaVersion":"3.9.x"
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/646b7279-8087-4e95-9ca3-aab1b8bfc605-13 is CREATING, 3 brokers, listeners [TLS]

active zoo h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/646b7279-8087-4e95-9ca3-aab1b8bfc605-13 is ACTIVE, 3 brokers, listeners [TLS]

update zoo UpdateConnectivity "zookeeperAccess":{"enabled":true}
----
400 BadRequestException [zookeeperAccess] The specified parameter value is identical to the current value for the cluster. Specify a different value, then try again.

update zoo UpdateConnectivity "zookeeperAccess":{"enabled":false}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/646b7279-8087-4e95-9ca3-aab1b8bfc605-13 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/646b7279-8087-4e95-9ca3-aab1b8bfc605-13 is UPDATING UPDATE_CONNECTIVITY UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active zoo h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/646b7279-8087-4e95-9ca3-aab1b8bfc605-13 is ACTIVE UPDATE_CONNECTIVITY UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

operation zoo
----
{
  "clientRequestId": "b3bac100-070e-451c-a32a-31383f464d54",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/zoo/646b7279-8087-4e95-9ca3-aab1b8bfc605-13",
  "creationTime": "2026-11-24T09:00:43.000Z",
  "endTime": "2026-11-24T09:00:45.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/zoo/646b7279-8087-4e95-9ca3-aab1b8bfc605-13/434a5158-5f66-4d74-bb82-8990979ea5ac",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "UPDATE_CONNECTIVITY",
  "sourceClusterInfo": {
    "zookeeperAccess": {
      "enabled": true
    }
  },
  "targetClusterInfo": {
    "zookeeperAccess": {
      "enabled": false
    }
  }
}

update zoo UpdateConnectivity "zookeeperAccess":{"enabled":false}
----
400 BadRequestException [zookeeperAccess] The specified parameter value is identical to the current value for the cluster. Specify a different value, then try again.
