package msk

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// rule is what MSK asks of a request, with a request that breaks it. say is
// stories' verbs, the last of which is the request; want is how its answer begins.
type rule struct {
	rule, say, want string
}

// named is a request to change a cluster of 3 brokers that is ACTIVE.
func named(operation, body string) string {
	return "create c\nactive c h\nupdate c " + operation + " " + body
}

const (
	bad               = "400 BadRequestException "
	nodes3            = `"brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-b","subnet-c"],`
	serverlessCluster = `create c whole {"serverless":{"vpcConfigs":[{"subnetIds":["subnet-a","subnet-b"]}],"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}`
	mtls              = `"tls":{"certificateAuthorityArnList":["` + storyAuthority + `"]}`
)

// throughputOf5 is brokers of m5 with provisioned throughput.
func throughputOf5(size string, gib int, throughput string) string {
	return fmt.Sprintf(`%s"instanceType":"kafka.m5.%s","storageInfo":{"ebsStorageInfo":{"volumeSize":%d,"provisionedThroughput":{%s}}}}`, nodes3, size, gib, throughput)
}

// rules is every rule of clusters. The messages of rules that are marked "AWS's"
// were recorded from MSK; the others' wordings are UNVERIFIED.
var rules = []rule{
	{"a cluster's name has no underscore (AWS's)", "create a_b", bad + "[clusterName] The parameter value contains one or more characters that are not valid."},
	{"a cluster's name begins with a letter or digit", "create -a", bad + "[clusterName] The parameter value contains"},
	{"a cluster's name has at most 64 characters", "create " + strings.Repeat("a", 65), bad + "[clusterName] The parameter value contains"},
	{"a cluster's name is taken once (AWS's)", "create c\ncreate c", "409 ConflictException [clusterName] A resource with this name already exists"},
	{"brokers are a multiple of zones (AWS's)", `create c "numberOfBrokerNodes":4`, bad + "[numberOfBrokerNodes] The target number of broker nodes must be a multiple of the number of Availability Zones in the Client subnets parameter."},
	{"there is a broker in each zone", `create c "numberOfBrokerNodes":0`, bad + "[numberOfBrokerNodes] The target number of broker nodes"},
	{"at most 30 brokers with ZooKeeper", `create c "kafkaVersion":"3.9.x","numberOfBrokerNodes":33`, bad + "[numberOfBrokerNodes] A cluster of Kafka version 3.9.x can have at most 30"},
	{"at most 60 brokers with KRaft", `create c "numberOfBrokerNodes":63`, bad + "[numberOfBrokerNodes] A cluster of Kafka version 3.9.x.kraft can have at most 60"},
	{"at most 90 brokers of an account", "create c \"numberOfBrokerNodes\":60\ncreate d \"numberOfBrokerNodes\":33", bad + "[numberOfBrokerNodes] The account can have at most 90"},
	{"at least two subnets (AWS's)", `create c "brokerNodeGroupInfo":{"clientSubnets":["subnet-a"]}`, bad + "[brokerNodeGroupInfo] Specify either two or three client subnets."},
	{"at most three subnets (AWS's)", `create c "brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-b","subnet-c","subnet-c2"]}`, bad + "[brokerNodeGroupInfo] Specify either two or three client subnets."},
	{"subnets are named once (AWS's)", `create c "brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-a"]}`, bad + "[clientSubnets] The list provided contains duplicate items."},
	{"subnets in distinct zones (AWS's)", `create c "brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-c","subnet-c2"]}`, bad + "[clientSubnets] The number of Availability Zones in the BrokerAZDistribution parameter must be equal to the number of client subnets."},
	{"subnets of one VPC", `create c "brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-b","subnet-v2"]}`, bad + "[clientSubnets] The subnets must belong to the same VPC."},
	{"subnets that exist", `create c "brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-x"]}`, bad + "[clientSubnets] The subnet ID 'subnet-x' does not exist"},
	{"brokerAZDistribution is DEFAULT", `create c ` + nodes3 + `"brokerAZDistribution":"ODD"}`, bad + "[brokerAZDistribution] Unsupported BrokerAZDistribution [ODD]"},
	{"at most five security groups", `create c ` + nodes3 + `"securityGroups":["a","b","c","d","e","f"]}`, bad + "[securityGroups] Specify at most 5"},
	{"a Kafka version that there is (AWS's)", `create c "kafkaVersion":"2.1.9"`, bad + "[kafkaVersion] Unsupported KafkaVersion [2.1.9]. Valid values: [1.1.1, "},
	{"a broker type that there is (AWS's)", `create c ` + nodes3 + `"instanceType":"kafka.m4.large"}`, bad + "[instanceType] Unsupported InstanceType specified. Valid values: [kafka.m5.large, "},
	{"m7g from Kafka 3.3.2 on", `create c "kafkaVersion":"3.3.1",` + nodes3 + `"instanceType":"kafka.m7g.large"}`, bad + "[instanceType] Unsupported InstanceType specified."},
	{"m7g from Kafka 3.3.2 on, for a cluster that there is", "create c \"kafkaVersion\":\"2.8.1\"\nactive c h\nupdate c UpdateBrokerType \"targetInstanceType\":\"kafka.m7g.large\"", bad + "[targetInstanceType] Unsupported InstanceType specified."},
	{"no t3.small with KRaft (AWS's)", `create c ` + nodes3 + `"instanceType":"kafka.t3.small"}`, bad + "[instanceType] Unsupported InstanceType specified. Valid values: [kafka.m5.large, "},
	{"express brokers with versions of theirs (AWS's)", `create c "kafkaVersion":"3.7.x",` + nodes3 + `"instanceType":"express.m7g.large"}`, bad + "[kafkaVersion] Express instance types are not supported for Kafka version 3.7.x. Valid values: [3.8.x, 3.9.x.kraft]"},
	{"express brokers in three zones (AWS's)", `create c "brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-b"],"instanceType":"express.m7g.large"}`, bad + "[brokerNodeGroupInfo] Clusters with Express instance types require 3 subnets."},
	{"express brokers without volumes (AWS's)", `create c ` + nodes3 + `"instanceType":"express.m7g.large","storageInfo":{}}`, bad + "[brokerNodeGroupInfo] The storageInfo parameter is not supported for Express instance types."},
	{"express brokers without a storage mode (AWS's)", `create c "storageMode":"TIERED",` + nodes3 + `"instanceType":"express.m7g.large"}`, bad + "[storageMode] The storageMode parameter is not supported for Express instance types."},
	{"tiered storage with brokers of other types (AWS's)", `create c "kafkaVersion":"3.9.x","storageMode":"TIERED",` + nodes3 + `"instanceType":"kafka.t3.small"}`, bad + "[instanceType] Tiered storage is not supported for the specified broker type."},
	{"tiered storage from Kafka 3.6.0 on", `create c "kafkaVersion":"3.5.1","storageMode":"TIERED"`, bad + "[kafkaVersion] Tiered storage is not supported for Kafka version 3.5.1."},
	{"tiered storage and topics that are deleted", "configuration a log.cleanup.policy=compact\ncreate c \"storageMode\":\"TIERED\",\"configurationInfo\":{\"arn\":\"a\",\"revision\":1}", bad + "[configurationInfo] Tiered storage requires log.cleanup.policy to be delete"},
	{"throughput with larger brokers (AWS's)", `create c ` + throughputOf5("2xlarge", 100, `"enabled":true,"volumeThroughput":250`), bad + "[provisionedThroughput] Provisioned throughput is not supported for the specified broker type."},
	{"throughput with larger volumes (AWS's)", `create c ` + throughputOf5("4xlarge", 9, `"enabled":true,"volumeThroughput":250`), bad + "[volumeSize] To enable ProvisionedThroughput, you must set volume size to a value that is greater than or equal to 10."},
	{"throughput from 250 to 1000 MiB (AWS's)", `create c ` + throughputOf5("24xlarge", 100, `"enabled":true,"volumeThroughput":249`), bad + "[volumeThroughput] EBS volume throughput should be between 250 and 1000 MiB/s."},
	{"throughput of the broker type (AWS's)", `create c ` + throughputOf5("4xlarge", 100, `"enabled":true,"volumeThroughput":594`), bad + "[volumeThroughput] For brokers of type m5.4xlarge, the maximum value for VolumeThroughput cannot exceed 593.75 MiB/s."},
	{"throughput that is enabled (AWS's)", `create c ` + throughputOf5("4xlarge", 100, `"volumeThroughput":250`), bad + "[volumeThroughput] To specify a value for VolumeThroughput, you must enable ProvisionedThroughput."},
	{"IPv4 at creation (AWS's)", `create c ` + nodes3 + `"connectivityInfo":{"networkType":"DUAL"}}`, bad + "[networkType] Invalid NetworkType value in ConnectivityInfo. When creating a cluster, only IPV4 is supported."},
	{"no public access at creation (AWS's)", `create c ` + nodes3 + `"connectivityInfo":{"publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}}`, bad + "[publicAccess] When creating a cluster, the only valid value for the Type parameter in PublicAccess is DISABLED."},
	{"no private connectivity at creation (AWS's)", `create c ` + nodes3 + `"connectivityInfo":{"vpcConnectivity":{"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}}`, bad + "[vpcConnectivity.clientAuthentication] When creating a cluster, all vpcConnectivity auth schemes must be disabled ('enabled' : false). You can enable auth schemes after the cluster is created."},
	{"open monitoring has an exporter (AWS's)", `create c "openMonitoring":{"prometheus":{}}`, bad + "[openMonitoring] You must specify at least one type of exporter, either nodeExporter or jmxExporter."},
	{"logs go somewhere (AWS's)", `create c "loggingInfo":{"brokerLogs":{}}`, bad + "[brokerLogs] You must define one or more of the following broker log types: CloudWatch Logs, Kinesis Data Firehose, Amazon S3."},
	{"logs in CloudWatch have a group (AWS's)", `create c "loggingInfo":{"brokerLogs":{"cloudWatchLogs":{"enabled":true}}}`, bad + "[brokerLogs] To use CloudWatch Logs as a destination for broker logs, you must specify a CloudWatch log group."},
	{"logs in Firehose have a stream (AWS's)", `create c "loggingInfo":{"brokerLogs":{"firehose":{"enabled":true}}}`, bad + "[brokerLogs] To use Kinesis Data Firehose as a destination for broker logs, you must specify a delivery stream."},
	{"logs in S3 have a bucket (AWS's)", named("UpdateMonitoring", `"loggingInfo":{"brokerLogs":{"s3":{"enabled":true}}}`), bad + "[brokerLogs] To use Amazon S3 as a destination for broker logs, you must specify an S3 bucket."},
	{"rebalancing is of express brokers", `create c "rebalancing":{"status":"PAUSED"}`, bad + "[rebalancing] "},
	{"a monitoring level that there is", `create c "enhancedMonitoring":"ALL"`, bad + "[enhancedMonitoring] Unsupported EnhancedMonitoring [ALL]"},
	{"a KMS key that there is", `create c "encryptionInfo":{"encryptionAtRest":{"dataVolumeKMSKeyId":"none"}}`, bad + "[dataVolumeKMSKeyId] The KMS key 'none' does not exist."},
	{"a KMS key that is enabled", `create c "encryptionInfo":{"encryptionAtRest":{"dataVolumeKMSKeyId":"off"}}`, bad + "[dataVolumeKMSKeyId] The KMS key 'off' is not enabled."},
	{"provisioned or serverless, one of them", "create c whole {}", bad + "[] Specify exactly one of provisioned and serverless."},

	{"mTLS with encryption to clients (AWS's)", `create c "clientAuthentication":{` + mtls + `},"encryptionInfo":{"encryptionInTransit":{"clientBroker":"PLAINTEXT"}}`, bad + "[clientAuthentication] Client-broker encryption in transit must be set to either TLS or TLS_PLAINTEXT to enable client authentication."},
	{"mTLS with encryption within the cluster (AWS's)", `create c "clientAuthentication":{` + mtls + `},"encryptionInfo":{"encryptionInTransit":{"inCluster":false}}`, bad + "[clientAuthentication] To turn on client authentication, you must also turn on in-cluster encryption."},
	{"mTLS with authorities", `create c "clientAuthentication":{"tls":{"enabled":true}}`, bad + "[certificateAuthorityArnList] Specify at least one"},
	{"mTLS with authorities that sign (AWS's)", `create c "clientAuthentication":{"tls":{"certificateAuthorityArnList":["arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/x"]}}`, bad + "[clientAuthentication] One or more of the certificate authority ARNs provided in the request are invalid."},
	{"mTLS beside plaintext is two listeners", `create c "clientAuthentication":{` + mtls + `},"encryptionInfo":{"encryptionInTransit":{"clientBroker":"TLS_PLAINTEXT"}}`, "created: arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [PLAINTEXT TLS]"},
	{"SCRAM with encryption to clients (AWS's)", `create c "clientAuthentication":{"sasl":{"scram":{"enabled":true}}},"encryptionInfo":{"encryptionInTransit":{"clientBroker":"PLAINTEXT"}}`, bad + "[clientAuthentication] Client-broker encryption in transit must be set to either TLS or TLS_PLAINTEXT to enable client authentication."},
	{"IAM with encryption to clients (AWS's)", `create c "clientAuthentication":{"sasl":{"iam":{"enabled":true}}},"encryptionInfo":{"encryptionInTransit":{"clientBroker":"PLAINTEXT"}}`, bad + "[clientAuthentication] Client-broker encryption in transit must be set to either TLS or TLS_PLAINTEXT to enable client authentication."},
	{"SASL with encryption within the cluster (AWS's)", `create c "clientAuthentication":{"sasl":{"iam":{"enabled":true}}},"encryptionInfo":{"encryptionInTransit":{"inCluster":false}}`, bad + "[clientAuthentication] To turn on client authentication, you must also turn on in-cluster encryption."},
	{"plaintext only for who need not authenticate (AWS's)", `create c "clientAuthentication":{"sasl":{"iam":{"enabled":true}}},"encryptionInfo":{"encryptionInTransit":{"clientBroker":"TLS_PLAINTEXT"}}`, bad + "[clientAuthentication] You must enable unauthenticated traffic explicitly to use client-authentication using SASL over TLS_PLAINTEXT."},
	{"some way in (AWS's)", `create c "clientAuthentication":{"unauthenticated":{"enabled":false}}`, bad + "[clientAuthentication] Unauthenticated cannot be set to false without enabling any authentication mechanisms."},
	{"a clientBroker that there is", `create c "encryptionInfo":{"encryptionInTransit":{"clientBroker":"SSL"}}`, bad + "[clientBroker] Unsupported ClientBroker [SSL]"},

	{"serverless clusters have IAM (AWS's)", `create c whole {"serverless":{"vpcConfigs":[{"subnetIds":["subnet-a","subnet-b"]}]}}`, bad + "[clientAuthentication] A serverless cluster must use SASL/IAM authentication."},
	{"serverless clusters have a VPC (AWS's)", `create c whole {"serverless":{"vpcConfigs":[],"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}`, bad + "[vpcConfigs] The size of list should be between 1 and 5."},
	{"serverless subnets are two (AWS's)", `create c whole {"serverless":{"vpcConfigs":[{"subnetIds":["subnet-a"]}],"clientAuthentication":{"sasl":{"iam":{"enabled":true}}}}}`, bad + "[subnetIds] The size of list should be between 2 and 6."},
	{"serverless clusters are not updated", serverlessCluster + "\nactive c h\nupdate c UpdateBrokerCount \"targetNumberOfBrokerNodes\":6", bad + "[clusterArn] This operation cannot be performed on serverless clusters."},

	{"a change wants the current version (AWS's)", named("UpdateBrokerCount", `"currentVersion":"K1","targetNumberOfBrokerNodes":6`), bad + "[currentVersion] The version of the cluster isn't current. Check the current version and try again."},
	{"a change wants an ACTIVE cluster", "create c\nupdate c UpdateBrokerCount \"targetNumberOfBrokerNodes\":6", bad + "[] You can't update cluster in CREATING state."},
	{"one change at a time", named("UpdateStorage", `"volumeSizeGB":1200`) + "\nupdate c UpdateBrokerCount \"targetNumberOfBrokerNodes\":6", bad + "[] You can't update cluster in UPDATING state."},
	{"no change while a broker starts again", "create c\nactive c h\nreboot c 1\nupdate c UpdateBrokerCount \"targetNumberOfBrokerNodes\":6", bad + "[] You can't update cluster in REBOOTING_BROKER state."},
	{"no reboot in a change", named("UpdateStorage", `"volumeSizeGB":1200`) + "\nreboot c 1", bad + "[] You can't reboot broker of cluster in UPDATING state."},
	{"no change of what is being healed", "create c\nactive c h\nhealing c\nupdate c UpdateBrokerCount \"targetNumberOfBrokerNodes\":6", bad + "[] You can't update cluster in HEALING state."},
	{"no change of what is being deleted", "create c\nactive c h\ndelete c\nupdate c UpdateBrokerCount \"targetNumberOfBrokerNodes\":6", bad + "[] You can't update cluster in DELETING state."},
	{"the state comes before the version", "create c\nactive c h\nreboot c 1\nupdate c UpdateBrokerCount \"currentVersion\":\"K1\",\"targetNumberOfBrokerNodes\":6", bad + "[] You can't update cluster in REBOOTING_BROKER state."},
	{"no deletion in a change", named("UpdateStorage", `"volumeSizeGB":1200`) + "\ndelete c", bad + "[] You can't delete cluster in UPDATING state."},
	{"one deletion (AWS's)", "create c\nactive c h\ndelete c\ndelete c", bad + "[] You can't delete cluster in DELETING state."},
	{"a deletion wants the current version, if any", "create c\nactive c h\ndelete c K1", bad + "[currentVersion] The version of the cluster isn't current."},
	{"a name is taken until its cluster is gone", "create c\nactive c h\ndelete c\ncreate c", "409 ConflictException [clusterName] A resource with this name already exists"},
	{"a deletion wants a cluster that is made (AWS's)", "create c\ndelete c", bad + "[] You can't delete cluster in CREATING state."},
	{"bootstrap brokers want a cluster that is made", "create c\nbootstrap c", bad + "[] You can't get bootstrap broker nodes for a cluster in CREATING state."},
	{"bootstrap brokers of a FAILED cluster (AWS's)", "create c\nfailed c Code text\nbootstrap c", bad + "[] You can't get bootstrap broker nodes for a cluster in FAILED state."},
	{"one attribute in one update (AWS's)", named("UpdateStorage", `"volumeSizeGB":1200,"storageMode":"TIERED"`), bad + "[] You can't update multiple attributes of the cluster in same request. Use a different request for each update."},
	{"volumes grow by 10 GiB (AWS's)", named("UpdateBrokerStorage", `"targetBrokerEBSVolumeInfo":[{"kafkaBrokerNodeId":"All","volumeSizeGB":1009}]`), bad + "[volumeSizeGB] To update storage, you must increase it by at least 10 GiB."},
	{"volumes that change (AWS's)", named("UpdateStorage", `"volumeSizeGB":1000`), bad + "[] The request does not include any updates to the EBS volumes of the cluster. Verify the request, then try again."},
	{"another storage mode", named("UpdateStorage", `"storageMode":"LOCAL"`), bad + "[storageMode] The specified parameter value is identical"},
	{"tiered storage is for good", "create c \"storageMode\":\"TIERED\"\nactive c h\nupdate c UpdateStorage \"storageMode\":\"LOCAL\"", bad + "[storageMode] The storage mode of a cluster can't be changed from TIERED to LOCAL."},
	{"tiered storage in versions that have it", "create c \"kafkaVersion\":\"3.5.1\"\nactive c h\nupdate c UpdateStorage \"storageMode\":\"TIERED\"", bad + "[storageMode] Tiered storage is not supported for Kafka version 3.5.1."},
	{"tiered storage without compacted topics", "configuration a log.cleanup.policy=compact\ncreate c \"configurationInfo\":{\"arn\":\"a\",\"revision\":1}\nactive c h\nupdate c UpdateStorage \"storageMode\":\"TIERED\"", bad + "[storageMode] Tiered storage requires log.cleanup.policy to be delete"},
	{"tiered storage keeps its topics", "configuration a log.cleanup.policy=compact\ncreate c \"storageMode\":\"TIERED\"\nactive c h\nupdate c UpdateClusterConfiguration \"configurationInfo\":{\"arn\":\"a\",\"revision\":1}", bad + "[configurationInfo] Tiered storage requires"},
	{"tiered storage keeps its broker types", "create c \"kafkaVersion\":\"3.9.x\",\"storageMode\":\"TIERED\"\nactive c h\nupdate c UpdateBrokerType \"targetInstanceType\":\"kafka.t3.small\"", bad + "[targetInstanceType] Tiered storage is not supported"},
	{"tiered storage keeps to versions that have it", "create c \"kafkaVersion\":\"2.8.2.tiered\",\"storageMode\":\"TIERED\"\nactive c h\nupdate c UpdateClusterKafkaVersion \"targetKafkaVersion\":\"3.5.1\"", bad + "[targetKafkaVersion] Unsupported KafkaVersion [3.5.1]. Valid values: [3.6.0, 3.7.x, 3.8.x, 3.9.x]"},
	{"one setting of connectivity in one update (AWS's)", named("UpdateConnectivity", `"connectivityInfo":{"networkType":"DUAL","publicAccess":{"type":"SERVICE_PROVIDED_EIPS"}}`), bad + "[connectivityInfo] You can't update multiple connectivity settings in the same request. Modify your request to update only NetworkType, VpcConnectivity, or PublicAccess connectivity setting, and try again."},
	{"another network type", named("UpdateConnectivity", `"connectivityInfo":{"networkType":"IPV4"}`), bad + "[connectivityInfo] The specified parameter value is identical"},
	{"dual-stack from Kafka 3.6.0 on", "create c \"kafkaVersion\":\"3.5.1\"\nactive c h\nupdate c UpdateConnectivity \"connectivityInfo\":{\"networkType\":\"DUAL\"}", bad + "[networkType] Dual-stack connectivity requires Apache Kafka version 3.6.0"},
	{"dual-stack with subnets of both", named("UpdateConnectivity", `"connectivityInfo":{"networkType":"DUAL"}`), bad + "[networkType] Dual-stack connectivity requires subnets that support it: the subnet 'subnet-a' has no IPv6 CIDR block."},
	{"dual-stack with subnets of both, serverless", serverlessCluster + "\nactive c h\nupdate c UpdateConnectivity \"connectivityInfo\":{\"networkType\":\"DUAL\"}", bad + "[networkType] Dual-stack connectivity requires subnets"},
	{"another security for what brokers hold (AWS's)", "create c\nactive c h\nheld 1=1501/1\nupdate c UpdateSecurity \"clientAuthentication\":{\"sasl\":{\"iam\":{\"enabled\":true}}}", bad + "[] The number of partitions per broker is above the recommended limit. Add more brokers and rearrange the partitions per broker to be below the recommended limit, then retry the request"},
	{"a configuration for the Kafka version", "configuration a versions=3.8.x num.io.threads=8\ncreate c \"configurationInfo\":{\"arn\":\"a\",\"revision\":1}", bad + "[configurationInfo] The configuration is for the Apache Kafka versions [3.8.x], not 3.9.x.kraft."},
	{"a configuration for the Kafka version to come", "configuration a versions=3.9.x.kraft num.io.threads=8\ncreate c \"configurationInfo\":{\"arn\":\"a\",\"revision\":1}\nactive c h\nupdate c UpdateClusterKafkaVersion \"targetKafkaVersion\":\"4.0.x.kraft\"", bad + "[configurationInfo] The configuration is for the Apache Kafka versions [3.9.x.kraft], not 4.0.x.kraft."},
	{"volumes only grow (AWS's)", named("UpdateStorage", `"volumeSizeGB":900`), bad + "[volumeSizeGB] To update storage, you must increase it by at least 10 GiB."},
	{"volumes have at most 16384 GiB", named("UpdateStorage", `"volumeSizeGB":16385`), bad + "[volumeSizeGB] The volume size can be at most 16384"},
	{"volumes of all brokers grow together", named("UpdateBrokerStorage", `"targetBrokerEBSVolumeInfo":[{"kafkaBrokerNodeId":"1","volumeSizeGB":1200}]`), bad + "[targetBrokerEBSVolumeInfo] The volumes of all brokers must be updated together."},
	{"volumes wait six hours", named("UpdateStorage", `"volumeSizeGB":1200`) + "\nactive c h\nactive c h\nupdate c UpdateStorage \"volumeSizeGB\":1400", bad + "[volumeSizeGB] You can update the storage of the cluster only once in 6 hours."},
	{"another broker type", named("UpdateBrokerType", `"targetInstanceType":"kafka.m5.large"`), bad + "[targetInstanceType] The cluster has the broker type m5.large already."},
	{"a broker type for what brokers hold", "create c \"kafkaVersion\":\"3.9.x\"\nactive c h\nheld 1=301/1\nupdate c UpdateBrokerType \"targetInstanceType\":\"kafka.t3.small\"", bad + "[] The number of partitions per broker is above the recommended limit."},
	{"brokers that go hold nothing of clients", "create c \"numberOfBrokerNodes\":6\nactive c h\nheld 5=1/1\nupdate c UpdateBrokerCount \"targetNumberOfBrokerNodes\":3", bad + "[targetNumberOfBrokerNodes] The brokers [5] have user partitions."},
	{"a broker stays in each zone", "create c\nactive c h\nupdate c UpdateBrokerCount \"targetNumberOfBrokerNodes\":0", bad + "[targetNumberOfBrokerNodes] The target number of broker nodes"},
	{"brokers go from Kafka 2.8.1 on", "create c \"kafkaVersion\":\"2.8.0\",\"numberOfBrokerNodes\":6\nactive c h\nupdate c UpdateBrokerCount \"targetNumberOfBrokerNodes\":3", bad + "[targetNumberOfBrokerNodes] Removing brokers is not supported for Apache Kafka version 2.8.0."},
	{"brokers of t3.small stay", "create c \"kafkaVersion\":\"3.9.x\"," + nodes3 + "\"instanceType\":\"kafka.t3.small\"},\"numberOfBrokerNodes\":6\nactive c h\nupdate c UpdateBrokerCount \"targetNumberOfBrokerNodes\":3", bad + "[targetNumberOfBrokerNodes] Removing brokers is not supported for the broker type t3.small."},
	{"another number of brokers", named("UpdateBrokerCount", `"targetNumberOfBrokerNodes":3`), bad + "[targetNumberOfBrokerNodes] The cluster has 3 broker nodes already."},
	{"the key at rest stays (AWS's)", named("UpdateSecurity", `"encryptionInfo":{"encryptionAtRest":{"dataVolumeKMSKeyId":"mine"}}`), bad + "[encryptionInfo] Updating encryption-at-rest settings on your cluster is not currently supported."},
	{"encryption within the cluster stays (AWS's)", named("UpdateSecurity", `"encryptionInfo":{"encryptionInTransit":{"inCluster":false}}`), bad + "[encryptionInfo] Updating the inter-broker encryption setting on your cluster is not currently supported."},
	{"another security (AWS's)", named("UpdateSecurity", `"encryptionInfo":{"encryptionInTransit":{"clientBroker":"TLS"}}`), bad + "[] The request does not include any updates to the security setting of the cluster. Verify the request, then try again."},
	{"a later Kafka version", named("UpdateClusterKafkaVersion", `"targetKafkaVersion":"3.8.x.kraft"`), bad + "[targetKafkaVersion] Unsupported KafkaVersion [3.8.x.kraft]. Valid values: [4.0.x.kraft, 4.1.x.kraft]"},
	{"a Kafka version with replicas in sync", "create c\nactive c h\nheld 1=1/1/1\nupdate c UpdateClusterKafkaVersion \"targetKafkaVersion\":\"4.0.x.kraft\"", bad + "[targetKafkaVersion] The cluster has under-replicated partitions"},
	{"one broker in a reboot", "create c\nactive c h\nreboot c 1 2", bad + "[brokerIds] You can reboot only one broker at a time."},
	{"a broker that there is in a reboot", "create c\nactive c h\nreboot c 7", bad + "[brokerIds] The cluster has no broker with the ID 7."},
	{"something to monitor otherwise", named("UpdateMonitoring", ``), bad + "[] Specify one of enhancedMonitoring"},

	{"a configuration's name", "configuration a_b num.io.threads=8", bad + "[name] The parameter value contains one or more characters that are not valid."},
	{"a configuration's Kafka versions", "configuration a versions=9 num.io.threads=8", bad + "[kafkaVersions] Unsupported KafkaVersion [9]"},
	{"a property that may be set (AWS's form)", "configuration a broker.id=1", bad + "[serverProperties] [ {\n  \"name\" : \"broker.id\",\n  \"value\" : \"1\",\n  \"errorMessages\" : [ "},
	{"a configuration in use stays (AWS's)", "configuration a num.io.threads=8\ncreate c \"configurationInfo\":{\"arn\":\"a\",\"revision\":1}\nforget a", bad + "[arn] Configuration is in use by one or more clusters. Dissociate the configuration from the clusters."},
	{"a configuration that there is (AWS's)", `create c "configurationInfo":{"arn":"none","revision":1}`, bad + "[arn] Configuration ARN does not exist."},

	{"tags have keys", "create c\ntag c =v", bad + "[tags] The tag key '' is not valid"},
	{"tags' keys have at most 128 characters", "create c\ntag c " + strings.Repeat("k", 129) + "=v", bad + "[tags] The tag key"},
	{"tags' keys are not AWS's", "create c\ntag c AWS:x=v", bad + "[tags] The tag key 'AWS:x' is not valid: keys that begin with aws:"},
	{"tags' values have at most 256 characters", "create c\ntag c k=" + strings.Repeat("v", 257), bad + "[tags] The value of the tag 'k'"},
	{"tags have no other characters", "create c\ntag c k=<v>", bad + "[tags] The value of the tag 'k'"},
}

// TestRules breaks every rule of clusters, one at a time.
func TestRules(t *testing.T) {
	for _, r := range rules {
		t.Run(r.rule, func(t *testing.T) {
			w := &world{clusters: map[string]cluster{}, sets: map[configurationRef]configuration{}, texts: map[configurationRef]string{}, held: map[int32]Held{}, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
			var got string
			for verb := range strings.SplitSeq(r.say, "\n") {
				if refused := strings.HasPrefix(got, "4"); refused {
					t.Fatalf("before %s: %s", verb, got)
				}
				got = w.run(t, verb)
			}
			if !strings.HasPrefix(got, r.want) {
				t.Errorf("%s\n got %s\nwant %s", r.say, got, r.want)
			}
		})
	}
}

// TestRulesOfBodies: what is refused before anything is decided.
func TestRulesOfBodies(t *testing.T) {
	tags := map[string]string{}
	for i := range maxTags + 1 {
		tags[fmt.Sprint(i)] = ""
	}
	_, _, property := decideConfiguration(place{}, &kafka.CreateConfigurationRequest{Name: new("a"), ServerProperties: new("%")}, nil, 100, "", time.Time{})
	put := func(have, policy, missing string) error {
		_, err := decidePolicy(cluster{ARN: "arn:aws:kafka:us-east-1:123456789012:cluster/c/1"}, clusterPolicy{Version: have}, policy, missing, "", "K2")
		return err
	}
	about := func(resource string) string {
		return `{"Statement":{"Effect":"Allow","Principal":{"AWS":"210987654321"},"Action":"kafka:*","Resource":"` + resource + `"}}`
	}
	elsewhere := model.Caller{Account: "210987654321", Region: "us-east-1"}
	const secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:AmazonMSK_a-AbCdEf"
	for what, c := range map[string]struct {
		err  error
		want string
	}{
		"a resource has at most 50 tags":                 {checkTags(tags), "at most 50 tags"},
		"server properties are in base64 (AWS's)":        {property, "Invalid request body"},
		"a cluster policy has at most 20 KiB":            {put("", strings.Repeat(" ", maxPolicyBytes+1), ""), "at most 20480 are allowed"},
		"a policy that is replaced was seen (AWS's)":     {put("K1", "{}", ""), "Current cluster policy version needed for Update"},
		"a cluster policy is about its cluster (AWS's)":  {put("", about("arn:aws:kafka:us-east-1:123456789012:cluster/d/1"), ""), `The cluster policy is not valid. Invalid cluster arn: "arn:aws:kafka:us-east-1:123456789012:cluster/d/1"`},
		"a cluster policy lets in who exists (AWS's)":    {put("", about("*"), "arn:aws:iam::123456789012:role/none"), "The cluster policy is not valid. The IAM Principal was not found."},
		"secrets are named once (AWS's)":                 {checkSecrets(model.Caller{Account: "123456789012", Region: "us-east-1"}, []string{secret, secret}), "The list provided contains duplicate items."},
		"secrets are of the caller's account (AWS's)":    {checkSecrets(elsewhere, []string{secret}), "The provided secret ARN is invalid."},
		"secrets are some":                               {checkSecrets(elsewhere, nil), "The size of list should be between 1 and 10."},
		"an ARN of a configuration has its form (AWS's)": {errConfigurationARN, "Invalid Configuration ARN."},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", what, c.err, c.want)
		}
	}
}
