package msk

import (
	"io"

	"github.com/millrace/millrace/aws/model"
)

// freshIDs is the randomness of one creation, drawn before the transaction.
type freshIDs struct {
	uuid    string   // of the cluster
	n       int      // the number at the end of its ARN, 1 to maxN
	host    string   // 6 characters of its host names
	boot    string   // 8 characters of a serverless cluster's host name
	version string   // its first version token
	brokers []string // uuids of the brokers' ARNs
}

const (
	maxN   = 25
	base36 = "0123456789abcdefghijklmnopqrstuvwxyz"
	upper  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

func drawIDs(random io.Reader, brokers int) (freshIDs, error) {
	d := drawer{random: random}
	ids := freshIDs{
		uuid:    d.uuid(),
		n:       1 + int(d.byteBelow(maxN)),
		host:    d.text(base36, 6),
		boot:    d.text(base36, 8),
		version: d.version(),
	}
	for range brokers {
		ids.brokers = append(ids.brokers, d.uuid())
	}
	return ids, d.err
}

// operationIDs is the randomness of one operation.
type operationIDs struct {
	id, request string   // uuids
	version     string   // the cluster's version token after it
	brokers     []string // uuids of new brokers' ARNs
}

func drawOperationIDs(random io.Reader, brokers int) (operationIDs, error) {
	d := drawer{random: random}
	ids := operationIDs{id: d.uuid(), request: d.uuid(), version: "K" + d.text(upper, 13)}
	for range brokers {
		ids.brokers = append(ids.brokers, d.uuid())
	}
	return ids, d.err
}

// drawer reads random values and remembers the first error.
type drawer struct {
	random io.Reader
	err    error
}

func (d *drawer) read(b []byte) {
	if d.err == nil {
		_, d.err = io.ReadFull(d.random, b)
	}
}

// byteBelow draws evenly from 0 to n-1.
func (d *drawer) byteBelow(n byte) byte {
	var b [1]byte
	for limit := 256 / int(n) * int(n); ; {
		if d.read(b[:]); d.err != nil || int(b[0]) < limit {
			return b[0] % n
		}
	}
}

func (d *drawer) text(alphabet string, n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[d.byteBelow(byte(len(alphabet)))]
	}
	return string(out)
}

// version is a version token, as of clusters and policies.
func (d *drawer) version() string { return "K" + d.text(upper, 13) }

func (d *drawer) uuid() string {
	var b [16]byte
	d.read(b[:])
	return model.FormatUUID(b, 4)
}

// managedKeyARN names the service's own KMS key of an account and region. It is
// made of the two alone, so that it is the same for all of their clusters.
func managedKeyARN(partition, region, account string) string {
	return "arn:" + partition + ":kms:" + region + ":" + account + ":key/" + model.ManagedKeyID("kafka", region, account)
}
