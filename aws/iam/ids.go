package iam

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model"
)

// AccountID is the account that exists from the first start: the one that
// users of local AWS endpoints expect.
const AccountID = "000000000000"

// Prefixes of ids: "IAM identifiers" in the IAM user guide.
const (
	longTermPrefix  = "AKIA"
	temporaryPrefix = "ASIA"
)

// sizes of the random parts, in bytes.
const (
	idBytes     = 10 // 16 characters after the prefix
	secretBytes = 30 // 40 characters
)

// newID is an entity's id of fresh random bytes.
func newID(prefix string, random []byte) string {
	return prefix + base32.StdEncoding.EncodeToString(random[:idBytes])
}

func newSecret(random []byte) string { return base64.StdEncoding.EncodeToString(random[:secretBytes]) }

// accountMask is where an access key's first 48 bits hold its account: 40 bits
// above the lowest seven.
const accountMask = 0x7fffffffff80

// newKeyID is an access key's id, which holds the account as those of AWS do.
func newKeyID(prefix, account string, random []byte) string {
	n, _ := strconv.ParseUint(account, 10, 64) // accounts are twelve digits
	first := binary.BigEndian.Uint64(random)>>16&^accountMask | n<<7&accountMask
	out := make([]byte, idBytes)
	for i := range 6 {
		out[i] = byte(first >> (40 - 8*i))
	}
	copy(out[6:], random[6:idBytes])
	return newID(prefix, out)
}

var keyIDPattern = regexp.MustCompile(`^(AKIA|ASIA)[A-Z2-7]{16}$`)

// accountOfKey reads the account from an access key's id.
func accountOfKey(id string) (account string, ok bool) {
	if !keyIDPattern.MatchString(id) {
		return "", false
	}
	raw, err := base32.StdEncoding.DecodeString(id[4:])
	if err != nil || len(raw) != idBytes {
		return "", false
	}
	n := binary.BigEndian.Uint64(raw) >> 16 & accountMask >> 7
	return fmt.Sprintf("%012d", n), n < 1e12
}

// accountPattern is what an account's number looks like.
var accountPattern = regexp.MustCompile(`^[0-9]{12}$`)

func rootARN(partition, account string) string {
	return "arn:" + partition + ":iam::" + account + ":root"
}

// entityARN is the ARN of something with a path and a name.
func entityARN(partition, account, kind, path, name string) string {
	return "arn:" + partition + ":iam::" + account + ":" + kind + path + name
}

// sessionARN is the ARN of a role's session; it does not have the role's path.
func sessionARN(partition, account, role, session string) string {
	return "arn:" + partition + ":sts::" + account + ":assumed-role/" + role + "/" + session
}

// name is a parsed ARN of iam.
type name struct{ account, kind, path, name string }

var iamARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}|aws):([a-z-]+)(/(?:.*/)?)([^/]+)$`)

func parseARN(arn string) (name, bool) {
	m := iamARN.FindStringSubmatch(arn)
	if m == nil {
		return name{}, false
	}
	return name{m[1], m[2], m[3], m[4]}, true
}

// accountOf is the account in a resource's ARN; empty when it has none.
func accountOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && accountPattern.MatchString(parts[4]) {
		return parts[4]
	}
	return ""
}

// partitionOf is the partition of a region.
func partitionOf(region string) string { return model.Caller{Region: region}.Partition() }
