// Package group is the core of consumer groups, for the groups of one
// __consumer_offsets partition: the classic rebalance protocol (JoinGroup,
// SyncGroup, Heartbeat, LeaveGroup), the consumer protocol (KIP-848), static
// members of both (KIP-345), and committed offsets.
//
// kafka/coordinator runs it over that partition. What is remembered — of a
// classic group the members of the last complete generation, of a consumer group
// its members, their targets and what they have, of both the offsets — is
// written in Kafka's own record formats (docs/formats/consumer-offsets.md) and
// changed by Apply alone (apply.go, apply_consumer.go). What a rebalance keeps
// in its course — who has joined, who waits, when members are fenced — is
// volatile, as in Kafka. The package does no I/O and reads no clock: time, fresh
// ids and topics come in with the request.
//
// A group is of one protocol at a time: group.consumer says which. It changes
// when the first member of the consumer protocol joins a classic group, and when
// the last one leaves a group that has classic members too (migrate.go).
package group
