configuration closed allow.everyone.if.no.acl.found=false
----
arn:aws:kafka:us-east-1:123456789012:configuration/closed/00000000-1111-2222-3333-444444444444-1 revision 1

create orders "clientAuthentication":{"sasl":{"iam":{"enabled":true},"scram":{"enabled":true}}},"configurationInfo":{"arn":"closed","revision":1}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

connect x orders
----
400 BadRequestException [targetClusterArn] You can't create VPC connection to cluster in CREATING state.

active orders h
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

connect x orders
----
400 BadRequestException [authentication] Multi-VPC private connectivity is not turned on for SASL_IAM authentication on the cluster.

update orders UpdateConnectivity "connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"sasl":{"iam":{"enabled":true},"scram":{"enabled":true}}}}}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM]

connect x orders
----
400 BadRequestException [targetClusterArn] You can't create VPC connection to cluster in UPDATING state.

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CONNECTIVITY UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_VPCE SASL_IAM_VPCE]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CONNECTIVITY UPDATE_COMPLETE 1/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_VPCE SASL_IAM_VPCE]

bootstrap orders
----
{
  "bootstrapBrokerStringSaslIam": "h:20013,h:20023,h:20033",
  "bootstrapBrokerStringSaslScram": "h:20012,h:20022,h:20032",
  "bootstrapBrokerStringVpcConnectivitySaslIam": "h:20019,h:20029,h:20039",
  "bootstrapBrokerStringVpcConnectivitySaslScram": "h:20018,h:20028,h:20038"
}

connect x orders "authentication":"IAM"
----
400 BadRequestException [authentication] Unsupported Authentication [IAM]. Valid values: [SASL_IAM, SASL_SCRAM, TLS]

connect x orders "authentication":"TLS"
----
400 BadRequestException [authentication] Multi-VPC private connectivity is not turned on for TLS authentication on the cluster.

connect x orders "clientSubnets":["peer-a","peer-b"]
----
400 BadRequestException [clientSubnets] The client subnets must be in the Availability Zones of the cluster, one in each: [use1-az1, use1-az2, use1-az4].

connect x orders "clientSubnets":["peer-a","peer-b","peer-d"]
----
400 BadRequestException [clientSubnets] The client subnets must be in the Availability Zones of the cluster, one in each: [use1-az1, use1-az2, use1-az4].

connect x orders "clientSubnets":["peer-a","peer-b","else-c"]
----
400 BadRequestException [clientSubnets] The subnet 'else-c' does not belong to the VPC 'vpc-9'.

connect x orders "clientSubnets":["peer-a","peer-b","peer-x"]
----
400 BadRequestException [clientSubnets] The subnet ID 'peer-x' does not exist

connect x orders "securityGroups":[]
----
400 BadRequestException [securityGroups] Specify 1 to 5 security groups.

connect x orders "securityGroups":["sg-8"]
----
400 BadRequestException [securityGroups] The security group 'sg-8' does not belong to the VPC 'vpc-9'.

connect x orders "securityGroups":["sg-7"]
----
400 BadRequestException [securityGroups] The security group ID 'sg-7' does not exist

connect x orders "tags":{"aws:x":"y"}
----
400 BadRequestException [tags] The tag key 'aws:x' is not valid: keys that begin with aws: are reserved.

connect x orders "tags":{"team":"risk"}
----
arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087 is "AVAILABLE"

connection x
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "AVAILABLE",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {
      "team": "risk"
    },
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "state": "AVAILABLE",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "owner": "210987654321",
    "state": "AVAILABLE",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087"
  }
]

connect y orders
----
400 BadRequestException [vpcId] The VPC 'vpc-9' has a connection to the cluster for SASL_IAM authentication already: arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087

connect y orders "authentication":"SASL_SCRAM"
----
arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/363d444b-5259-4067-ae75-7c838a91989f is "AVAILABLE"

reject y
----
arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/363d444b-5259-4067-ae75-7c838a91989f is "REJECTED"

connection y
----
[
  {
    "authentication": "SASL_SCRAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "REJECTED",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {},
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/363d444b-5259-4067-ae75-7c838a91989f",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_SCRAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "state": "REJECTED",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/363d444b-5259-4067-ae75-7c838a91989f",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_SCRAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "owner": "210987654321",
    "state": "REJECTED",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/363d444b-5259-4067-ae75-7c838a91989f"
  }
]

reject y
----
400 BadRequestException [vpcConnectionArn] You can't reject VPC connection in REJECTED state.

# Who was rejected may try again.
connect z orders "authentication":"SASL_SCRAM"
----
arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/a6adb4bb-c201-480f-961d-242b32394047 is "AVAILABLE"

disconnect y
----
arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/363d444b-5259-4067-ae75-7c838a91989f is ""

connection y
----
(gone)

disconnect y
----
400 BadRequestException [arn] You can't delete VPC connection in  state.

# Turning a scheme off ends its connections for good.
update orders UpdateConnectivity "connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"sasl":{"iam":{"enabled":false}}}}}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_VPCE SASL_IAM_VPCE]

connection x
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "DEACTIVATING",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {
      "team": "risk"
    },
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "state": "DEACTIVATING",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "owner": "210987654321",
    "state": "DEACTIVATING",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087"
  }
]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CONNECTIVITY UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_VPCE]

connection x
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "DEACTIVATING",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {
      "team": "risk"
    },
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "state": "DEACTIVATING",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "owner": "210987654321",
    "state": "DEACTIVATING",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087"
  }
]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CONNECTIVITY UPDATE_COMPLETE 1/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_VPCE]

connection x
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "INACTIVE",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {
      "team": "risk"
    },
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "state": "INACTIVE",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "owner": "210987654321",
    "state": "INACTIVE",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087"
  }
]

reject x
----
400 BadRequestException [vpcConnectionArn] You can't reject VPC connection in INACTIVE state.

update orders UpdateConnectivity "connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_VPCE]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CONNECTIVITY UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_VPCE SASL_IAM_VPCE]

active orders h
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CONNECTIVITY UPDATE_COMPLETE 1/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_VPCE SASL_IAM_VPCE]

connection x
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "INACTIVE",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {
      "team": "risk"
    },
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "state": "INACTIVE",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "owner": "210987654321",
    "state": "INACTIVE",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087"
  }
]

connect again orders
----
arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/7c838a91-989f-46ad-b4bb-c201080f161d is "AVAILABLE"

disconnect x
----
arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/1e252c33-3a41-484f-965d-646b72798087 is ""

connection z
----
[
  {
    "authentication": "SASL_SCRAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "AVAILABLE",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {},
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/a6adb4bb-c201-480f-961d-242b32394047",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_SCRAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "state": "AVAILABLE",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/a6adb4bb-c201-480f-961d-242b32394047",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_SCRAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "owner": "210987654321",
    "state": "AVAILABLE",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/a6adb4bb-c201-480f-961d-242b32394047"
  }
]

# With time, the states last.
realistic
----
(things last)

disconnect z
----
arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/a6adb4bb-c201-480f-961d-242b32394047 is "DELETING"

connection z
----
[
  {
    "authentication": "SASL_SCRAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "DELETING",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {},
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/a6adb4bb-c201-480f-961d-242b32394047",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_SCRAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "state": "DELETING",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/a6adb4bb-c201-480f-961d-242b32394047",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_SCRAM",
    "creationTime": "2026-11-24T09:00:04.000Z",
    "owner": "210987654321",
    "state": "DELETING",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/a6adb4bb-c201-480f-961d-242b32394047"
  }
]

wait 5m
----
2026-11-24T09:05:10Z

connection z
----
(gone)

reject again
----
arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/7c838a91-989f-46ad-b4bb-c201080f161d is "REJECTING"

connection again
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:10.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "REJECTING",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {},
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/7c838a91-989f-46ad-b4bb-c201080f161d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:10.000Z",
    "state": "REJECTING",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/7c838a91-989f-46ad-b4bb-c201080f161d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:10.000Z",
    "owner": "210987654321",
    "state": "REJECTING",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/7c838a91-989f-46ad-b4bb-c201080f161d"
  }
]

wait 5m
----
2026-11-24T09:10:10Z

connection again
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:10.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "REJECTED",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {},
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/7c838a91-989f-46ad-b4bb-c201080f161d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:10.000Z",
    "state": "REJECTED",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/7c838a91-989f-46ad-b4bb-c201080f161d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:00:10.000Z",
    "owner": "210987654321",
    "state": "REJECTED",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/7c838a91-989f-46ad-b4bb-c201080f161d"
  }
]

connect late orders
----
arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d is "CREATING"

connection late
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "CREATING",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {},
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "state": "CREATING",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "owner": "210987654321",
    "state": "CREATING",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d"
  }
]

wait 5m
----
2026-11-24T09:15:10Z

connection late
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "AVAILABLE",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {},
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "state": "AVAILABLE",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "owner": "210987654321",
    "state": "AVAILABLE",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d"
  }
]

# A turn that fails leaves them as they were.
update orders UpdateConnectivity "connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"sasl":{"iam":{"enabled":false}}}}}
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CONNECTIVITY PENDING 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_VPCE SASL_IAM_VPCE]

connection late
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "DEACTIVATING",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {},
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "state": "DEACTIVATING",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "owner": "210987654321",
    "state": "DEACTIVATING",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d"
  }
]

failed orders PortTaken It is taken.
----
broken: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CONNECTIVITY UPDATE_FAILED 0/1, 3 brokers, listeners [SASL_SCRAM SASL_IAM SASL_SCRAM_VPCE SASL_IAM_VPCE]

connection late
----
[
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "securityGroups": [
      "sg-9"
    ],
    "state": "AVAILABLE",
    "subnets": [
      "peer-c",
      "peer-a",
      "peer-b"
    ],
    "tags": {},
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "state": "AVAILABLE",
    "targetClusterArn": "arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d",
    "vpcId": "vpc-9"
  },
  {
    "authentication": "SASL_IAM",
    "creationTime": "2026-11-24T09:10:10.000Z",
    "owner": "210987654321",
    "state": "AVAILABLE",
    "vpcConnectionArn": "arn:aws:kafka:us-east-1:210987654321:vpc-connection/123456789012/orders/242b3239-4047-4e55-9c63-6a71787f868d"
  }
]

create less whole {"serverless":{"vpcConfigs":[{"subnetIds":["subnet-a","subnet-b"]}],"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/less/474e555c-636a-4178-bf86-8d949ba2a9b0-s9 is CREATING, 3 brokers, listeners [SASL_IAM]

active less h
----
(nothing)

connect w less
----
400 BadRequestException [targetClusterArn] This operation cannot be performed on serverless clusters.
