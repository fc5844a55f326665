# What a configuration may set, and what is said of the rest.
configuration fine # a comment;auto.create.topics.enable = true;log.roll.ms=604800000;; num.io.threads : 16
----
arn:aws:kafka:us-east-1:123456789012:configuration/fine/00000000-1111-2222-3333-444444444444-1 revision 1

configuration bad_name num.partitions=1
----
400 BadRequestException [name] The parameter value contains one or more characters that are not valid.

configuration none auto.leader.rebalance.enable=true
----
400 BadRequestException [serverProperties] [ {
  "name" : "auto.leader.rebalance.enable",
  "value" : "true",
  "errorMessages" : [ "Key 'auto.leader.rebalance.enable' is not supported." ]
} ]

configuration many auto.leader.rebalance.enable=true;num.partitions=0;log.cleanup.policy=compact,sometimes;replica.lag.time.max.ms=9999
----
400 BadRequestException [serverProperties] [ {
  "name" : "auto.leader.rebalance.enable",
  "value" : "true",
  "errorMessages" : [ "Key 'auto.leader.rebalance.enable' is not supported." ]
}, {
  "name" : "num.partitions",
  "value" : "0",
  "errorMessages" : [ "Value '0' of the key 'num.partitions' is not valid: it must be a number of at least 1." ]
}, {
  "name" : "log.cleanup.policy",
  "value" : "compact,sometimes",
  "errorMessages" : [ "Value 'compact,sometimes' of the key 'log.cleanup.policy' is not valid: it must be delete, compact or both." ]
}, {
  "name" : "replica.lag.time.max.ms",
  "value" : "9999",
  "errorMessages" : [ "Value '9999' of the key 'replica.lag.time.max.ms' is not valid: it must be a number from 10000 to 30000." ]
} ]

configuration listeners custom.advertised.listeners=CLIENT://b-{broker_id}.example.com:900{broker_id}
----
400 BadRequestException [serverProperties] millrace does not implement custom.advertised.listeners yet.

configuration old versions=2.1.0,9.9.9 num.partitions=1
----
400 BadRequestException [kafkaVersions] Unsupported KafkaVersion [9.9.9]. Valid values: [1.1.1, 2.1.0, 2.2.1, 2.3.1, 2.4.1, 2.4.1.1, 2.5.1, 2.6.0, 2.6.1, 2.6.2, 2.6.3, 2.7.0, 2.7.1, 2.7.2, 2.8.0, 2.8.1, 2.8.2.tiered, 3.1.1, 3.2.0, 3.3.1, 3.3.2, 3.4.0, 3.5.1, 3.6.0, 3.7.x, 3.7.x.kraft, 3.8.x, 3.8.x.kraft, 3.9.x, 3.9.x.kraft, 4.0.x.kraft, 4.1.x.kraft]

configuration old versions=2.8.1 num.partitions=4
----
arn:aws:kafka:us-east-1:123456789012:configuration/old/00000000-1111-2222-3333-444444444444-1 revision 1

configuration dynamic min.insync.replicas=1;log.retention.ms=1000
----
arn:aws:kafka:us-east-1:123456789012:configuration/dynamic/00000000-1111-2222-3333-444444444444-1 revision 1

configuration dynamic min.insync.replicas=1;log.retention.ms=2000;unclean.leader.election.enable=false
----
arn:aws:kafka:us-east-1:123456789012:configuration/dynamic/00000000-1111-2222-3333-444444444444-1 revision 2

# Revisions replace each other as a whole.
configuration fine num.io.threads=4
----
arn:aws:kafka:us-east-1:123456789012:configuration/fine/00000000-1111-2222-3333-444444444444-1 revision 2

# A cluster starts with a configuration; one for other versions is refused, as is
# one that is not there.
create orders "configurationInfo":{"arn":"fine","revision":3}
----
400 BadRequestException [arn] Configuration ARN does not exist.

create orders "configurationInfo":{"arn":"old","revision":1}
----
400 BadRequestException [configurationInfo] The configuration is for the Apache Kafka versions [2.8.1], not 3.9.x.kraft.

create orders "configurationInfo":{"arn":"fine","revision":1}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is CREATING, 3 brokers, listeners [TLS]

wanted orders
----
generation 0, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.roll.ms:604800000 num.io.threads:16]
broker 2 in subnet-b boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.roll.ms:604800000 num.io.threads:16]
broker 3 in subnet-c boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.roll.ms:604800000 num.io.threads:16]

active orders 10.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is ACTIVE, 3 brokers, listeners [TLS]

forget fine
----
400 BadRequestException [arn] Configuration is in use by one or more clusters. Dissociate the configuration from the clusters.

forget dynamic
----
(may be deleted)

# What acts at once does so on all brokers, with no restart.
update orders UpdateClusterConfiguration "configurationInfo":{"arn":"dynamic","revision":1},"currentVersion":"K1"
----
400 BadRequestException [currentVersion] The version of the cluster isn't current. Check the current version and try again.

update orders UpdateClusterConfiguration "configurationInfo":{"arn":"fine","revision":1}
----
400 BadRequestException [configurationInfo] The cluster already has this revision of the configuration.

update orders UpdateClusterConfiguration "configurationInfo":{"arn":"nobody","revision":1}
----
400 BadRequestException [arn] Configuration ARN does not exist.

held 1=1501/1501 2=0/0
----
map[1:{1501 1501 0} 2:{0 0 0}]

update orders UpdateClusterConfiguration "configurationInfo":{"arn":"dynamic","revision":1}
----
400 BadRequestException [] The number of partitions per broker is above the recommended limit. Add more brokers and rearrange the partitions per broker to be below the recommended limit, then retry the request

held 1=1500/1500 2=0/0
----
map[1:{1500 1500 0} 2:{0 0 0}]

update orders UpdateClusterConfiguration "configurationInfo":{"arn":"dynamic","revision":1}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION PENDING 0/4, 3 brokers, listeners [TLS]

forget fine
----
400 BadRequestException [arn] Configuration is in use by one or more clusters. Dissociate the configuration from the clusters.

wanted orders
----
generation 1, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.roll.ms:604800000 num.io.threads:16]
broker 2 in subnet-b boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.roll.ms:604800000 num.io.threads:16]
broker 3 in subnet-c boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.roll.ms:604800000 num.io.threads:16]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 0/4, 3 brokers, listeners [TLS]

wanted orders
----
generation 2, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.retention.ms:1000 min.insync.replicas:1]
broker 2 in subnet-b boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.retention.ms:1000 min.insync.replicas:1]
broker 3 in subnet-c boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.retention.ms:1000 min.insync.replicas:1]

# From one with auto.create.topics.enable to one without, brokers start again, the first first.
active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 1/4, 3 brokers, listeners [TLS]

wanted orders
----
generation 3, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 1 Kafka 3.9.x.kraft map[log.retention.ms:1000 min.insync.replicas:1]
broker 2 in subnet-b boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.retention.ms:1000 min.insync.replicas:1]
broker 3 in subnet-c boot 0 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.retention.ms:1000 min.insync.replicas:1]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 2/4, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 3/4, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is ACTIVE UPDATE_CLUSTER_CONFIGURATION UPDATE_COMPLETE 4/4, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "8f969da4-abb2-49c0-8706-0d141b222930",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8",
  "creationTime": "2026-11-24T09:00:06.000Z",
  "endTime": "2026-11-24T09:00:11.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8/1f262d34-3b42-4950-975e-656c737a8188",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "UPDATE_CLUSTER_CONFIGURATION",
  "sourceClusterInfo": {
    "configurationInfo": {
      "arn": "arn:aws:kafka:us-east-1:123456789012:configuration/fine/00000000-1111-2222-3333-444444444444-1",
      "revision": 1
    }
  },
  "targetClusterInfo": {
    "configurationInfo": {
      "arn": "arn:aws:kafka:us-east-1:123456789012:configuration/dynamic/00000000-1111-2222-3333-444444444444-1",
      "revision": 1
    }
  }
}

forget fine
----
(may be deleted)

# Only dynamic settings: no restart.
update orders UpdateClusterConfiguration "configurationInfo":{"arn":"dynamic","revision":2}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION PENDING 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

wanted orders
----
generation 7, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 1 Kafka 3.9.x.kraft map[log.retention.ms:2000 min.insync.replicas:1 unclean.leader.election.enable:false]
broker 2 in subnet-b boot 1 Kafka 3.9.x.kraft map[log.retention.ms:2000 min.insync.replicas:1 unclean.leader.election.enable:false]
broker 3 in subnet-c boot 1 Kafka 3.9.x.kraft map[log.retention.ms:2000 min.insync.replicas:1 unclean.leader.election.enable:false]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is ACTIVE UPDATE_CLUSTER_CONFIGURATION UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

operation orders
----
{
  "clientRequestId": "42495057-5e65-4c73-ba81-888f969da4ab",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8",
  "creationTime": "2026-11-24T09:00:12.000Z",
  "endTime": "2026-11-24T09:00:14.000Z",
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8/9aa1a8af-b6bd-4403-8a11-181f262d343b",
  "operationState": "UPDATE_COMPLETE",
  "operationType": "UPDATE_CLUSTER_CONFIGURATION",
  "sourceClusterInfo": {
    "configurationInfo": {
      "arn": "arn:aws:kafka:us-east-1:123456789012:configuration/dynamic/00000000-1111-2222-3333-444444444444-1",
      "revision": 1
    }
  },
  "targetClusterInfo": {
    "configurationInfo": {
      "arn": "arn:aws:kafka:us-east-1:123456789012:configuration/dynamic/00000000-1111-2222-3333-444444444444-1",
      "revision": 2
    }
  }
}

# A failure halfway has the brokers that started with the new one start again
# with the old one.
update orders UpdateClusterConfiguration "configurationInfo":{"arn":"fine","revision":1}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION PENDING 0/4, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 0/4, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 1/4, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is UPDATING UPDATE_CLUSTER_CONFIGURATION UPDATE_IN_PROGRESS 2/4, 3 brokers, listeners [TLS]

wanted orders
----
generation 11, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 2 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.roll.ms:604800000 num.io.threads:16]
broker 2 in subnet-b boot 2 Kafka 3.9.x.kraft map[auto.create.topics.enable:true log.roll.ms:604800000 num.io.threads:16]
broker 3 in subnet-c boot 1 Kafka 3.9.x.kraft map[log.roll.ms:604800000 num.io.threads:16]

failed orders Broken it broke
----
broken: arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8 is ACTIVE UPDATE_CLUSTER_CONFIGURATION UPDATE_FAILED 2/4, 3 brokers, listeners [TLS]

wanted orders
----
generation 12, Kafka 3.9.x.kraft, [TLS]
broker 1 in subnet-a boot 3 Kafka 3.9.x.kraft map[log.retention.ms:2000 min.insync.replicas:1 unclean.leader.election.enable:false]
broker 2 in subnet-b boot 3 Kafka 3.9.x.kraft map[log.retention.ms:2000 min.insync.replicas:1 unclean.leader.election.enable:false]
broker 3 in subnet-c boot 1 Kafka 3.9.x.kraft map[log.retention.ms:2000 min.insync.replicas:1 unclean.leader.election.enable:false]

operation orders
----
{
  "clientRequestId": "bdc4030a-1118-4f26-ad34-3b424950575e",
  "clusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8",
  "creationTime": "2026-11-24T09:00:15.000Z",
  "endTime": "2026-11-24T09:00:18.000Z",
  "errorInfo": {
    "errorCode": "Broken",
    "errorString": "it broke"
  },
  "operationArn": "arn:aws:kafka:us-east-1:123456789012:cluster-operation/orders/5f666d74-7b82-4990-979e-a5acb3bac100-8/4d545b62-6970-477e-858c-939aa1a8afb6",
  "operationState": "UPDATE_FAILED",
  "operationType": "UPDATE_CLUSTER_CONFIGURATION",
  "sourceClusterInfo": {
    "configurationInfo": {
      "arn": "arn:aws:kafka:us-east-1:123456789012:configuration/dynamic/00000000-1111-2222-3333-444444444444-1",
      "revision": 2
    }
  },
  "targetClusterInfo": {
    "configurationInfo": {
      "arn": "arn:aws:kafka:us-east-1:123456789012:configuration/fine/00000000-1111-2222-3333-444444444444-1",
      "revision": 1
    }
  }
}
