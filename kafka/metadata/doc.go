// Package metadata is the core of a cluster's metadata: brokers, topics,
// partitions with their leaders and replicas, configs, ACLs, quotas, SCRAM users,
// feature levels and producer ids. kafka/statemachine runs it over the
// __cluster_metadata log.
//
// Decide answers the requests that change something, with Kafka's checks and
// messages; reads (DescribeConfigs, Metadata and the like) are functions of an
// Image, the immutable picture that the brokers answer from. The package does
// no I/O and reads neither clock nor randomness: fresh topic ids come in with
// the request.
//
// Each event is the whole new state of one thing under the thing's key, so that
// the newest record of each key is the state: docs/formats/metadata-log.md.
package metadata
