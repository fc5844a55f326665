package msk

// check is one thing that an assessment looks at.
type check struct {
	category string
	severity string
	message  string // {resource} and {detail} are the finding's
	action   string
	page     string // of the developer guide
}

// Severities of findings: those that are errors keep an upgrade from beginning.
const (
	severityError   = "ERROR"
	severityWarning = "WARNING"
	severityInfo    = "INFO"
)

// Categories of findings.
const (
	infrastructure      = "INFRASTRUCTURE"
	brokerConfiguration = "BROKER_CONFIGURATION"
	topicConfiguration  = "TOPIC_CONFIGURATION"
	capacity            = "CAPACITY"
	health              = "HEALTH"
)

var (
	severities = []string{severityError, severityWarning, severityInfo}
	categories = []string{infrastructure, brokerConfiguration, topicConfiguration, capacity, health}
)

// Names of checks. They are in documents and in findings' ids.
const (
	findsVersion        = "KAFKA_VERSION"
	findsMetadata       = "METADATA_MODE"
	findsZones          = "AVAILABILITY_ZONES"
	findsType           = "BROKER_TYPE"
	findsStorageMode    = "STORAGE_MODE"
	findsTiered         = "TIERED_STORAGE"
	findsProperty       = "BROKER_PROPERTY"
	findsReplicas       = "REPLICATION_FACTOR"
	findsMinISR         = "MIN_INSYNC_REPLICAS"
	findsTopicProperty  = "TOPIC_PROPERTY"
	findsPartitionCount = "PARTITIONS_PER_BROKER"
	findsQuota          = "BROKER_QUOTA"
	findsRecommended    = "RECOMMENDED_TYPE"
	findsOffline        = "OFFLINE_PARTITIONS"
	findsOutOfSync      = "UNDER_REPLICATED_PARTITIONS"
	findsMoving         = "REASSIGNING_PARTITIONS"
)

const (
	guide          = "https://docs.aws.amazon.com/msk/latest/developerguide/"
	pageInitiate   = "msk-upgrade-initiate.html"
	pageAssessment = "msk-upgrade-assessment.html"
	pageExpress    = "msk-configuration-express.html"
)

// checks is every check by name. What is asked for is AWS's (developer guide,
// initiate the in-place upgrade, upgrade readiness assessment, Express broker
// configurations); the words, and the severities where the guide names no
// prerequisite, are ours.
var checks = map[string]check{
	findsVersion: {infrastructure, severityError,
		"The cluster runs Apache Kafka {detail}. Only clusters of version 3.9 with KRaft metadata can be upgraded to Express brokers.",
		"Update the cluster to Apache Kafka version 3.9 with KRaft.", pageInitiate},
	findsMetadata: {infrastructure, severityError,
		"The cluster of Apache Kafka {detail} keeps its metadata in ZooKeeper. Express brokers need KRaft.",
		"Move the cluster to version 3.9 with KRaft.", pageInitiate},
	findsZones: {infrastructure, severityError,
		"The cluster is in {detail} Availability Zones. Express brokers need three.",
		"Make a cluster in three Availability Zones and move the topics to it.", pageInitiate},
	findsType: {infrastructure, severityError,
		"Brokers of the type {detail} cannot be upgraded.",
		"Update the brokers to an M5 or M7g type first.", pageInitiate},
	findsStorageMode: {infrastructure, severityError,
		"The storage mode of the cluster is {detail}. Clusters with tiered storage cannot be upgraded.",
		"Make a cluster without tiered storage and move the topics to it.", pageInitiate},
	findsTiered: {infrastructure, severityError,
		"The topic {resource} uses tiered storage, which Express brokers do not have.",
		"Turn tiered storage off for the topic.", pageInitiate},
	findsProperty: {brokerConfiguration, severityError,
		"The cluster's configuration sets {resource} to {detail}. Express brokers do not let it be set.",
		"Use a configuration of the cluster without this property.", pageExpress},
	findsReplicas: {topicConfiguration, severityError,
		"The topic {resource} has partitions with the replication factor {detail}. Topics on Express brokers have the replication factor 3.",
		"Reassign the topic's partitions to three replicas each.", pageAssessment},
	findsMinISR: {topicConfiguration, severityError,
		"The topic {resource} has min.insync.replicas {detail}. Topics on Express brokers have 2.",
		"Set min.insync.replicas of the topic to 2.", pageAssessment},
	findsTopicProperty: {topicConfiguration, severityError,
		"The topic {resource} sets what Express brokers do not let topics set: {detail}.",
		"Delete these configs of the topic.", pageExpress},
	findsPartitionCount: {capacity, severityError,
		"The most that a broker holds, with replicas, are more partitions than are recommended for Express brokers: {detail}.",
		"Choose a larger Express broker type, add brokers, or delete partitions.", pageAssessment},
	findsQuota: {capacity, severityError,
		"There is no room for as many Express brokers beside the brokers that the cluster has: {detail}",
		"Ask for a higher quota, or remove brokers.", pageInitiate},
	findsRecommended: {capacity, severityInfo,
		"The recommended type of Express brokers for the cluster is {detail}.",
		"Assess the cluster for the type that you choose.", pageInitiate},
	findsOffline: {health, severityError,
		"{detail} partitions of the topic {resource} have no leader.",
		"Bring back the brokers that hold them.", pageAssessment},
	findsOutOfSync: {health, severityError,
		"{detail} partitions of the topic {resource} are under-replicated.",
		"Wait until all replicas are in sync.", pageAssessment},
	findsMoving: {health, severityWarning,
		"{detail} partitions of the topic {resource} are being reassigned.",
		"Wait for the reassignment to end, or cancel it.", pageAssessment},
}
