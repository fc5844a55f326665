// Package storage keeps partitions' logs on disk in Kafka's own layout: one
// directory for each partition with segments, offset and time indexes, producer
// snapshots and a leader epoch checkpoint. docs/formats/log-directory.md draws
// the bytes.
//
// A Dir is one log directory with its group commit; a Log is one partition.
// kafka/partition calls it. It knows nothing of leaders, watermarks or the
// wire, and it does not log: what an operator should hear goes to the hooks.
//
// Invariants:
//   - Appends of a log are ordered by its lock, which spans the write to the
//     page cache and never a sync.
//   - DurableOffset never passes what is synced, names in directories included.
//   - A failed sync or short write fails the whole Dir for good. Linux drops
//     the pages that it could not write, so a second sync would succeed without
//     them: nothing is ever retried.
//   - Nobody is told that a transaction is decided before its marker is committed,
//     and no list of aborted transactions lacks one: what cannot be read is an
//     error. After a start both follow from the batches that are left.
//   - Recovery cuts only what was never durable. Damage below the floor that
//     earlier commits recorded fails the Dir; nothing is deleted for it.
package storage
