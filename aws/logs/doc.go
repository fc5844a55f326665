// Package logs keeps log groups and their streams (Amazon CloudWatch Logs):
// their events, how long those are kept, and who writes there.
//
// aws/api calls it through the generated service interface; server appends the
// logs of brokers and the audit record through Append and asks GroupExists. It
// owns the documents of groups, streams and resource policies in store; the
// events themselves are in aws/eventlog's files, under the numbers that the
// documents give to groups and streams. decide.go and pattern.go are pure; the
// service files know the store, the files and the clock. Who may call is judged
// before it is called.
//
// Keys: "{account}/{region}/logs/group/{name}",
// "{account}/{region}/logs/stream/{group id}/{name}" and
// "{account}/{region}/logs/policy/{name}" (docs/formats/logs.md).
package logs

import (
	"fmt"
	"time"
)

// group is the document of one log group.
type group struct {
	Name      string            `json:"name"`
	ID        id                `json:"id"`
	Account   string            `json:"account"`
	Region    string            `json:"region"`
	Created   time.Time         `json:"created"`
	Class     string            `json:"class"`
	Retention int32             `json:"retention,omitempty"` // days; 0: for ever
	Key       string            `json:"key,omitempty"`       // ARN of a key of KMS
	Protected bool              `json:"protected,omitempty"` // from deletion
	Tags      map[string]string `json:"tags,omitempty"`
}

// stream is the document of one log stream.
type stream struct {
	Name    string    `json:"name"`
	ID      id        `json:"id"`
	Created time.Time `json:"created"`
}

// resourcePolicy is the document of one resource policy.
type resourcePolicy struct {
	Name    string    `json:"name"`
	Policy  string    `json:"policy"`
	Updated time.Time `json:"updated"`
}

// id names a group or a stream among the files. It is drawn at random and never
// given twice.
type id uint64

// String is 16 digits, as in keys and names of files.
func (i id) String() string { return fmt.Sprintf("%016x", uint64(i)) }

func groupPrefix(account, region string) string { return account + "/" + region + "/logs/group/" }

func (g *group) key() string { return groupPrefix(g.Account, g.Region) + g.Name }

func (g *group) streamPrefix() string {
	return g.Account + "/" + g.Region + "/logs/stream/" + g.ID.String() + "/"
}

func policyPrefix(account, region string) string { return account + "/" + region + "/logs/policy/" }
