create orders
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE, 3 brokers, listeners [TLS]

update orders UpdateBrokerCount "targetNumberOfBrokerNodes":3
----
400 BadRequestException [targetNumberOfBrokerNodes] The cluster has 3 broker nodes already.

update orders UpdateBrokerCount "targetNumberOfBrokerNodes":4
----
400 BadRequestException [targetNumberOfBrokerNodes] The target number of broker nodes must be a multiple of the number of Availability Zones in the Client subnets parameter. For example, for a cluster with subnets in 2 Availability Zones, the target number of brokers must be a multiple of 2.

update orders UpdateBrokerCount "targetNumberOfBrokerNodes":63
----
400 BadRequestException [targetNumberOfBrokerNodes] A cluster of Kafka version 3.9.x.kraft can have at most 60 broker nodes.

# More brokers: one more in each zone.
update orders UpdateBrokerCount "targetNumberOfBrokerNodes":6
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING INCREASE_BROKER_COUNT PENDING 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING INCREASE_BROKER_COUNT UPDATE_IN_PROGRESS 0/1, 6 brokers, listeners [TLS]

wanted orders
----
generation 2, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 0 Kafka 3.9.x.kraft map[]
broker 2 in subnet-b boot 0 Kafka 3.9.x.kraft map[]
broker 3 in subnet-c boot 0 Kafka 3.9.x.kraft map[]
broker 4 in subnet-a boot 0 Kafka 3.9.x.kraft map[]
broker 5 in subnet-b boot 0 Kafka 3.9.x.kraft map[]
broker 6 in subnet-c boot 0 Kafka 3.9.x.kraft map[]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE INCREASE_BROKER_COUNT UPDATE_COMPLETE 1/1, 6 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "848b9299-a0a7-4eb5-bcc3-020910171e25",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T09:00:05.000Z",
  "endTime": "2026-11-24T09:00:07.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/141b2229-3037-4e45-8c53-5a61686f767d",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "INCREASE_BROKER_COUNT",
  "sourceClusterInfo": {
    "numberOfBrokerNodes": 3
  },
  "targetClusterInfo": {
    "brokerCountUpdateInfo": {
      "createdBrokerIds": [
        4,
        5,
        6
      ]
    },
    "numberOfBrokerNodes": 6
  }
}

# Fewer: those with the highest ids of each zone, and only empty ones.
update orders UpdateBrokerCount "targetNumberOfBrokerNodes":0
----
400 BadRequestException [targetNumberOfBrokerNodes] The target number of broker nodes must be a multiple of the number of Availability Zones in the Client subnets parameter. For example, for a cluster with subnets in 2 Availability Zones, the target number of brokers must be a multiple of 2.

held 1=3/3 4=2/0 5=3/1 6=0/0
----
map[1:{3 3 0} 4:{2 0 0} 5:{3 1 0} 6:{0 0 0}]

update orders UpdateBrokerCount "targetNumberOfBrokerNodes":3
----
400 BadRequestException [targetNumberOfBrokerNodes] The brokers [5] have user partitions. Move all user partitions off the brokers to remove before you update the broker count.

held 1=3/3 4=2/0 5=3/0 6=0/0
----
map[1:{3 3 0} 4:{2 0 0} 5:{3 0 0} 6:{0 0 0}]

update orders UpdateBrokerCount "targetNumberOfBrokerNodes":3
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING DECREASE_BROKER_COUNT PENDING 0/1, 6 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING DECREASE_BROKER_COUNT UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

wanted orders
----
generation 4, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 0 Kafka 3.9.x.kraft map[]
broker 2 in subnet-b boot 0 Kafka 3.9.x.kraft map[]
broker 3 in subnet-c boot 0 Kafka 3.9.x.kraft map[]

# Somebody was faster and put a partition there: the brokers stay.
failed orders UserPartitionsExist broker 5 has one
----
broken: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE DECREASE_BROKER_COUNT UPDATE_FAILED 0/1, 6 brokers, listeners [TLS]

wanted orders
----
generation 5, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 0 Kafka 3.9.x.kraft map[]
broker 2 in subnet-b boot 0 Kafka 3.9.x.kraft map[]
broker 3 in subnet-c boot 0 Kafka 3.9.x.kraft map[]
broker 4 in subnet-a boot 0 Kafka 3.9.x.kraft map[]
broker 5 in subnet-b boot 0 Kafka 3.9.x.kraft map[]
broker 6 in subnet-c boot 0 Kafka 3.9.x.kraft map[]

operation orders
----
{
  "clientRequestId": "656c737a-8188-4f96-9da4-abb2b9c0c706",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T09:00:10.000Z",
  "endTime": "2026-11-24T09:00:11.000Z",
  "errorInfo": {
    "errorCode": "UserPartitionsExist",
    "errorString": "broker 5 has one"
  },
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/bdc4030a-1118-4f26-ad34-3b424950575e",
  "operationState": "UPDATE_FAILED",
  "operationType": "DECREASE_BROKER_COUNT",
  "sourceClusterInfo": {
    "numberOfBrokerNodes": 6
  },
  "targetClusterInfo": {
    "brokerCountUpdateInfo": {
      "deletedBrokerIds": [
        4,
        5,
        6
      ]
    },
    "numberOfBrokerNodes": 3
  }
}

update orders UpdateBrokerCount "targetNumberOfBrokerNodes":3
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING DECREASE_BROKER_COUNT PENDING 0/1, 6 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING DECREASE_BROKER_COUNT UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE DECREASE_BROKER_COUNT UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

wanted orders
----
generation 7, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 0 Kafka 3.9.x.kraft map[]
broker 2 in subnet-b boot 0 Kafka 3.9.x.kraft map[]
broker 3 in subnet-c boot 0 Kafka 3.9.x.kraft map[]

operation orders
----
{
  "clientRequestId": "181f262d-343b-4249-9057-5e656c737a81",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T09:00:12.000Z",
  "endTime": "2026-11-24T09:00:14.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/70777e85-8c93-4aa1-a8af-b6bdc4030a11",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "DECREASE_BROKER_COUNT",
  "sourceClusterInfo": {
    "numberOfBrokerNodes": 6
  },
  "targetClusterInfo": {
    "brokerCountUpdateInfo": {
      "deletedBrokerIds": [
        4,
        5,
        6
      ]
    },
    "numberOfBrokerNodes": 3
  }
}

# A later Kafka version, broker by broker.
update orders UpdateClusterKafkaVersion "targetKafkaVersion":"3.8.x.kraft"
----
400 BadRequestException [targetKafkaVersion] Unsupported KafkaVersion [3.8.x.kraft]. Valid values: [4.0.x.kraft, 4.1.x.kraft]

configuration fine num.partitions=4
----
arn:aws:kafka:us-east-1:123456789012:configuration/fine/00000000-1111-2222-3333-444444444444-1 revision 1

update orders UpdateClusterKafkaVersion "targetKafkaVersion":"4.0.x.kraft","configurationInfo":{"arn":"fine","revision":1}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION PENDING 0/5, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 0/5, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "464d545b-6269-4077-be85-8c939aa1a8af",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T09:00:16.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/9ea5acb3-bac1-4007-8e15-1c232a31383f",
  "operationState": "UPDATE_IN_PROGRESS",
  "operationSteps": [
    {
      "stepInfo": {
        "stepStatus": "IN_PROGRESS"
      },
      "stepName": "INITIALIZE_UPDATE"
    },
    {
      "stepInfo": {
        "stepStatus": "PENDING"
      },
      "stepName": "UPDATE_APACHE_KAFKA_BINARIES"
    },
    {
      "stepInfo": {
        "stepStatus": "PENDING"
      },
      "stepName": "FINALIZE_UPDATE"
    }
  ],
  "operationType": "UPDATE_CLUSTER_KAFKA_VERSION",
  "sourceClusterInfo": {
    "kafkaVersion": "3.9.x.kraft"
  },
  "targetClusterInfo": {
    "configurationInfo": {
      "arn": "arn:aws:kafka:us-east-1:123456789012:configuration/fine/00000000-1111-2222-3333-444444444444-1",
      "revision": 1
    },
    "kafkaVersion": "4.0.x.kraft"
  }
}

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 1/5, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 2/5, 3 brokers, listeners [TLS]

wanted orders
----
generation 11, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 1 Kafka 4.0.x.kraft map[num.partitions:4]
broker 2 in subnet-b boot 1 Kafka 4.0.x.kraft map[num.partitions:4]
broker 3 in subnet-c boot 0 Kafka 3.9.x.kraft map[]

operation orders
----
{
  "clientRequestId": "464d545b-6269-4077-be85-8c939aa1a8af",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T09:00:16.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/9ea5acb3-bac1-4007-8e15-1c232a31383f",
  "operationState": "UPDATE_IN_PROGRESS",
  "operationSteps": [
    {
      "stepInfo": {
        "stepStatus": "COMPLETED"
      },
      "stepName": "INITIALIZE_UPDATE"
    },
    {
      "stepInfo": {
        "stepStatus": "IN_PROGRESS"
      },
      "stepName": "UPDATE_APACHE_KAFKA_BINARIES"
    },
    {
      "stepInfo": {
        "stepStatus": "PENDING"
      },
      "stepName": "FINALIZE_UPDATE"
    }
  ],
  "operationType": "UPDATE_CLUSTER_KAFKA_VERSION",
  "sourceClusterInfo": {
    "kafkaVersion": "3.9.x.kraft"
  },
  "targetClusterInfo": {
    "configurationInfo": {
      "arn": "arn:aws:kafka:us-east-1:123456789012:configuration/fine/00000000-1111-2222-3333-444444444444-1",
      "revision": 1
    },
    "kafkaVersion": "4.0.x.kraft"
  }
}

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 3/5, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 4/5, 3 brokers, listeners [TLS]

wanted orders
----
generation 13, Kafka 4.0.x.kraft, [TLS]
broker 1 in subnet-a boot 1 Kafka 4.0.x.kraft map[num.partitions:4]
broker 2 in subnet-b boot 1 Kafka 4.0.x.kraft map[num.partitions:4]
broker 3 in subnet-c boot 1 Kafka 4.0.x.kraft map[num.partitions:4]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CLUSTER_KAFKA_VERSION UPDATE_COMPLETE 5/5, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "464d545b-6269-4077-be85-8c939aa1a8af",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
  "creationTime": "2026-11-24T09:00:16.000Z",
  "endTime": "2026-11-24T09:00:22.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/070e151c-232a-4138-bf46-4d545b626970-20/9ea5acb3-bac1-4007-8e15-1c232a31383f",
  "operationState": "UPDATE_COMPLETE",
  "operationSteps": [
    {
      "stepInfo": {
        "stepStatus": "COMPLETED"
      },
      "stepName": "INITIALIZE_UPDATE"
    },
    {
      "stepInfo": {
        "stepStatus": "COMPLETED"
      },
      "stepName": "UPDATE_APACHE_KAFKA_BINARIES"
    },
    {
      "stepInfo": {
        "stepStatus": "COMPLETED"
      },
      "stepName": "FINALIZE_UPDATE"
    }
  ],
  "operationType": "UPDATE_CLUSTER_KAFKA_VERSION",
  "sourceClusterInfo": {
    "kafkaVersion": "3.9.x.kraft"
  },
  "targetClusterInfo": {
    "configurationInfo": {
      "arn": "arn:aws:kafka:us-east-1:123456789012:configuration/fine/00000000-1111-2222-3333-444444444444-1",
      "revision": 1
    },
    "kafkaVersion": "4.0.x.kraft"
  }
}

wanted orders
----
generation 13, Kafka 4.0.x.kraft, [TLS]
broker 1 in subnet-a boot 1 Kafka 4.0.x.kraft map[num.partitions:4]
broker 2 in subnet-b boot 1 Kafka 4.0.x.kraft map[num.partitions:4]
broker 3 in subnet-c boot 1 Kafka 4.0.x.kraft map[num.partitions:4]

# One that fails goes back.
update orders UpdateClusterKafkaVersion "targetKafkaVersion":"4.1.x.kraft"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION PENDING 0/5, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 0/5, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_KAFKA_VERSION UPDATE_IN_PROGRESS 1/5, 3 brokers, listeners [TLS]

failed orders Broken it broke
----
broken: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CLUSTER_KAFKA_VERSION UPDATE_FAILED 1/5, 3 brokers, listeners [TLS]

wanted orders
----
generation 17, Kafka 4.0.x.kraft, [TLS]
broker 1 in subnet-a boot 3 Kafka 4.0.x.kraft map[num.partitions:4]
broker 2 in subnet-b boot 1 Kafka 4.0.x.kraft map[num.partitions:4]
broker 3 in subnet-c boot 1 Kafka 4.0.x.kraft map[num.partitions:4]

create zoo "kafkaVersion":"3.9.x"
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/040b1219-2027-4e35-bc43-4a51585f666d-17 is CREATING, 3 brokers, listeners [TLS]

active zoo 10.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/zoo/040b1219-2027-4e35-bc43-4a51585f666d-17 is ACTIVE, 3 brokers, listeners [TLS]

update zoo UpdateClusterKafkaVersion "targetKafkaVersion":"3.9.x.kraft"
----
400 BadRequestException [targetKafkaVersion] To migrate the cluster from ZooKeeper to KRaft, access to ZooKeeper must be disabled first: use UpdateConnectivity with zookeeperAccess.

create small "kafkaVersion":"2.7.0","numberOfBrokerNodes":6
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/small/abb2b9c0-c706-4d14-9b22-2930373e454c-9 is CREATING, 6 brokers, listeners [TLS]

active small 10.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/small/abb2b9c0-c706-4d14-9b22-2930373e454c-9 is ACTIVE, 6 brokers, listeners [TLS]

update small UpdateBrokerCount "targetNumberOfBrokerNodes":3
----
400 BadRequestException [targetNumberOfBrokerNodes] Removing brokers is not supported for Apache Kafka version 2.7.0.
