// Package group is the core of consumer groups: the classic rebalance protocol
// (JoinGroup, SyncGroup, Heartbeat, LeaveGroup), static members (KIP-345) and
// committed offsets, for the groups of one __consumer_offsets partition.
//
// kafka/coordinator runs it over that partition. What is remembered — the
// members of the last complete generation, and offsets — is written in Kafka's
// own record formats and changed by Apply alone (apply.go). What a rebalance
// keeps in its course — who has joined, who waits, session deadlines — is
// volatile, as in Kafka: after a restart the members come again. The package
// does no I/O and reads no clock: time and fresh ids come in with the request.
package group
