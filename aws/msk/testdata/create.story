# What is refused, in the words of the service where they are known.
create under_score
----
400 BadRequestException [clusterName] The parameter value contains one or more characters that are not valid.

create first
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/first/333a4148-4f56-4d64-ab72-7980878e959c-14 is CREATING, 3 brokers, listeners [TLS]

create first
----
409 ConflictException [clusterName] A resource with this name already exists.

create c "kafkaVersion":"0.9"
----
400 BadRequestException [kafkaVersion] Unsupported KafkaVersion [0.9]. Valid values: [1.1.1, 2.1.0, 2.2.1, 2.3.1, 2.4.1, 2.4.1.1, 2.5.1, 2.6.0, 2.6.1, 2.6.2, 2.6.3, 2.7.0, 2.7.1, 2.7.2, 2.8.0, 2.8.1, 2.8.2.tiered, 3.1.1, 3.2.0, 3.3.1, 3.3.2, 3.4.0, 3.5.1, 3.6.0, 3.7.x, 3.7.x.kraft, 3.8.x, 3.8.x.kraft, 3.9.x, 3.9.x.kraft, 4.0.x.kraft, 4.1.x.kraft]

create c "numberOfBrokerNodes":4
----
400 BadRequestException [numberOfBrokerNodes] The target number of broker nodes must be a multiple of the number of Availability Zones in the Client subnets parameter. For example, for a cluster with subnets in 2 Availability Zones, the target number of brokers must be a multiple of 2.

create c "numberOfBrokerNodes":63
----
400 BadRequestException [numberOfBrokerNodes] A cluster of Kafka version 3.9.x.kraft can have at most 60 broker nodes.

create c "numberOfBrokerNodes":33,"kafkaVersion":"3.9.x"
----
400 BadRequestException [numberOfBrokerNodes] A cluster of Kafka version 3.9.x can have at most 30 broker nodes.

create c "numberOfBrokerNodes":60
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/c/6b727980-878e-459c-a3aa-b1b8bfc6050c-20 is CREATING, 60 brokers, listeners [TLS]

create over "numberOfBrokerNodes":30
----
400 BadRequestException [numberOfBrokerNodes] The account can have at most 90 broker nodes; with this cluster it would have 93.

create c2 "brokerNodeGroupInfo":{"clientSubnets":["subnet-a"],"instanceType":"kafka.m5.large"}
----
400 BadRequestException [brokerNodeGroupInfo] Specify either two or three client subnets.

create c2 "brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-x","subnet-c"]}
----
400 BadRequestException [clientSubnets] The subnet ID 'subnet-x' does not exist

create c2 "brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-c","subnet-c2"]}
----
400 BadRequestException [clientSubnets] The number of Availability Zones in the BrokerAZDistribution parameter must be equal to the number of client subnets.

create c2 "brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-b","subnet-v2"]}
----
400 BadRequestException [clientSubnets] The subnets must belong to the same VPC.

create c2 "brokerNodeGroupInfo":{"instanceType":"kafka.t2.micro"}
----
400 BadRequestException [instanceType] Unsupported InstanceType specified. Valid values: [kafka.m5.large, kafka.m5.xlarge, kafka.m5.2xlarge, kafka.m5.4xlarge, kafka.m5.8xlarge, kafka.m5.12xlarge, kafka.m5.16xlarge, kafka.m5.24xlarge, kafka.m7g.large, kafka.m7g.xlarge, kafka.m7g.2xlarge, kafka.m7g.4xlarge, kafka.m7g.8xlarge, kafka.m7g.12xlarge, kafka.m7g.16xlarge, express.m7g.large, express.m7g.xlarge, express.m7g.2xlarge, express.m7g.4xlarge, express.m7g.8xlarge, express.m7g.12xlarge, express.m7g.16xlarge]

create c2 whole {"tags":{"aws:x":"1"},"provisioned":{"brokerNodeGroupInfo":{}}}
----
400 BadRequestException [tags] The tag key 'aws:x' is not valid: keys that begin with aws: are reserved.

create c2 whole {}
----
400 BadRequestException [] Specify exactly one of provisioned and serverless.

# Every listener at once.
create all "clientAuthentication":{"unauthenticated":{"enabled":true},"sasl":{"iam":{"enabled":true},"scram":{"enabled":true}}},"encryptionInfo":{"encryptionInTransit":{"clientBroker":"TLS_PLAINTEXT"}}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/all/838a9198-9fa6-4db4-bbc2-01080f161d24-19 is CREATING, 3 brokers, listeners [PLAINTEXT TLS SASL_SCRAM SASL_IAM]

create c2 "clientAuthentication":{"sasl":{"iam":{"enabled":true}}},"encryptionInfo":{"encryptionInTransit":{"clientBroker":"TLS_PLAINTEXT"}}
----
400 BadRequestException [clientAuthentication] You must enable unauthenticated traffic explicitly to use client-authentication using SASL over TLS_PLAINTEXT.

create c2 "clientAuthentication":{"sasl":{"iam":{"enabled":true}}},"encryptionInfo":{"encryptionInTransit":{"clientBroker":"PLAINTEXT"}}
----
400 BadRequestException [clientAuthentication] Client-broker encryption in transit must be set to either TLS or TLS_PLAINTEXT to enable client authentication.

create c2 "clientAuthentication":{"sasl":{"scram":{"enabled":true}}},"encryptionInfo":{"encryptionInTransit":{"inCluster":false}}
----
400 BadRequestException [clientAuthentication] To turn on client authentication, you must also turn on in-cluster encryption.

create c2 "clientAuthentication":{"unauthenticated":{"enabled":false}}
----
400 BadRequestException [clientAuthentication] Unauthenticated cannot be set to false without enabling any authentication mechanisms.

# Certificates of clients need authorities that sign, and encryption.
create c2 "clientAuthentication":{"tls":{"certificateAuthorityArnList":["arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/x"]}}
----
400 BadRequestException [clientAuthentication] One or more of the certificate authority ARNs provided in the request are invalid.

create c2 "clientAuthentication":{"tls":{"enabled":true}}
----
400 BadRequestException [certificateAuthorityArnList] Specify at least one certificate authority for TLS client authentication.

create c2 "clientAuthentication":{"tls":{"certificateAuthorityArnList":["arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/active"]}},"encryptionInfo":{"encryptionInTransit":{"clientBroker":"PLAINTEXT"}}
----
400 BadRequestException [clientAuthentication] Client-broker encryption in transit must be set to either TLS or TLS_PLAINTEXT to enable client authentication.

create c2 "enhancedMonitoring":"PER_PIXEL"
----
400 BadRequestException [enhancedMonitoring] Unsupported EnhancedMonitoring [PER_PIXEL]. Valid values: [DEFAULT, PER_BROKER, PER_TOPIC_PER_BROKER, PER_TOPIC_PER_PARTITION]

create c2 "loggingInfo":{"brokerLogs":{"s3":{"enabled":true}}}
----
400 BadRequestException [brokerLogs] To use Amazon S3 as a destination for broker logs, you must specify an S3 bucket.

create c2 "brokerNodeGroupInfo":{"connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}}
----
400 BadRequestException [publicAccess] When creating a cluster, the only valid value for the Type parameter in PublicAccess is DISABLED.

create c2 "brokerNodeGroupInfo":{"connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}}
----
400 BadRequestException [vpcConnectivity.clientAuthentication] When creating a cluster, all vpcConnectivity auth schemes must be disabled ('enabled' : false). You can enable auth schemes after the cluster is created.

# A KMS key of the customer must be there and enabled.
create keyed "encryptionInfo":{"encryptionAtRest":{"dataVolumeKMSKeyId":"mine"}}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/keyed/535a6168-6f76-4d84-8b92-99a0a7aeb5bc-21 is CREATING, 3 brokers, listeners [TLS]

create c2 "encryptionInfo":{"encryptionAtRest":{"dataVolumeKMSKeyId":"none"}}
----
400 BadRequestException [dataVolumeKMSKeyId] The KMS key 'none' does not exist.

create c2 "encryptionInfo":{"encryptionAtRest":{"dataVolumeKMSKeyId":"off"}}
----
400 BadRequestException [dataVolumeKMSKeyId] The KMS key 'off' is not enabled.

create c2 "encryptionInfo":{"encryptionAtRest":{"dataVolumeKMSKeyId":"other"}}
----
400 BadRequestException [dataVolumeKMSKeyId] The KMS key 'other' is the AWS managed key of another service.

# Its own key is named by its ARN or id, and another one is refused.
active keyed h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/keyed/535a6168-6f76-4d84-8b92-99a0a7aeb5bc-21 is ACTIVE, 3 brokers, listeners [TLS]

update keyed UpdateSecurity "encryptionInfo":{"encryptionAtRest":{"dataVolumeKMSKeyId":"mine"}}
----
400 BadRequestException [] The request does not include any updates to the security setting of the cluster. Verify the request, then try again.

update keyed UpdateSecurity "encryptionInfo":{"encryptionAtRest":{"dataVolumeKMSKeyId":"arn:aws:kms:us-east-1:123456789012:key/off"}}
----
400 BadRequestException [encryptionInfo] Updating encryption-at-rest settings on your cluster is not currently supported.

create c2 "rebalancing":{"status":"ACTIVE"}
----
400 BadRequestException [rebalancing] Rebalancing is for express brokers only.
