// Package partition is the engine that owns the partitions of one embedded
// cluster: it appends under the leader epoch, moves the high watermark, wakes
// waiting fetches and acks, and applies retention.
//
// A partition has one physical log (kafka/storage); leader, ISR and epochs are
// decided by kafka/metadata and arrive as immutable images through Set.Apply.
// The broker handlers call in; this package never calls up and never speaks
// the wire protocol.
//
// Invariants: the leader epoch is checked under the same lock that orders
// appends, so no record is accepted for an epoch that has ended; the high
// watermark never passes the durable offset and never goes back; the last
// stable offset never passes the high watermark nor a transaction that is open.
package partition
