// Package txn is the core of the transaction coordinator (KIP-98, KIP-360,
// KIP-890): the transactional ids of one __transaction_state partition, their
// producer ids and epochs, and the transaction that each has open.
//
// kafka/coordinator runs it over that partition. Every transition is a record in
// Kafka's own format before anybody acts on it, changed by Apply alone
// (apply.go). A transaction ends in two steps: the decision to commit or to
// abort is recorded (Prepare), whoever hosts the core writes a marker into every
// partition that took part (TakeEndings says which), reports it
// (MarkersWritten), and the end is recorded (Complete). After a restart the
// markers of what is still in Prepare are written again.
//
// Unlike Kafka's, a transition is never pending: a decision sees the ones before
// it at once, and its reply waits until their records are committed. The package
// does no I/O and reads no clock: time and fresh producer ids come in with the
// request.
package txn
