// Package audit is a log of who did what that shows whether it was changed:
// records in CloudTrail's shape, one JSON line each, in a file for each day.
// Every record holds the hash of the one before, signed digests stand among
// them, and a signed head beside them says where the log ends.
//
// audit/trail writes one while a server runs, and the command line reads and
// verifies it. The package knows the format alone: it decides nothing about what
// is recorded, starts no goroutine, reads no clock and never logs.
//
// What verification shows: a record that was changed, removed, moved, repeated
// or cut off at the end, as long as the signing key stayed secret. Who has the
// key, or puts back an old copy of the whole directory, is found only by
// comparing the head with one that was kept elsewhere.
//
// The bytes are described in docs/formats/audit.md.
package audit
