package model

import (
	"crypto/sha1"
	"fmt"
)

// ManagedKeyID is the id of the KMS key that an AWS service has of its own in
// an account and region. It is made of these alone, so that services may name
// the key before it is used.
func ManagedKeyID(service, region, account string) string {
	sum := sha1.Sum([]byte("aws/" + service + " " + region + " " + account))
	return FormatUUID([16]byte(sum[:16]), 5)
}

// FormatUUID writes 16 bytes as a UUID of a version (RFC 9562).
func FormatUUID(b [16]byte, version byte) string {
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
