package kms

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model/kms"
)

// grantOperations are what a grant on a symmetric key can allow.
var grantOperations = []string{
	"CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
	"ReEncryptFrom", "ReEncryptTo", "RetireGrant",
}

// principalShape is what grants may name beside services: users, roles, their
// sessions and whole accounts.
var principalShape = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:(root|(user|role|assumed-role|federated-user)/[\w+=,.@/-]+)$`)

// checkGrant refuses what no grant can be. aws:kms CreateGrant
func checkGrant(in *kms.CreateGrantRequest) error {
	for _, op := range in.Operations {
		if !slices.Contains(grantOperations, op) {
			return validation("Operation %s is not valid for a grant on a key of KeySpec SYMMETRIC_DEFAULT.", op)
		}
	}
	if (in.GranteePrincipal == nil) == (in.GranteeServicePrincipal == nil) {
		return validation("Exactly one of GranteePrincipal and GranteeServicePrincipal must be given.")
	}
	for _, arn := range []*string{in.GranteePrincipal, in.RetiringPrincipal} {
		if arn != nil && !principalShape.MatchString(*arn) {
			return fault("InvalidArnException", "Principal '%s' is not valid", *arn)
		}
	}
	if c := in.Constraints; c != nil && c.EncryptionContextEquals != nil && c.EncryptionContextSubset != nil {
		return validation("A grant has one constraint of an encryption context.")
	}
	return nil
}

// same says that two grants allow the same, so that making one twice answers
// the first.
func (g Grant) same(o Grant) bool {
	return g.Name == o.Name && g.Grantee == o.Grantee && g.Retirer == o.Retirer && g.SourceARN == o.SourceARN &&
		slices.Equal(g.Operations, o.Operations) && maps.Equal(g.Equals, o.Equals) && maps.Equal(g.Subset, o.Subset)
}

// Use is what a grant is asked about: one action on its key.
type Use struct {
	Action     string            // kms:Decrypt
	Encryption map[string]string // the encryption context of a use, and of the constraint of a grant that is to be made
	Operations []string          // of a grant that is to be made
	Equals     bool              // its constraint is of the whole context
	Grant      string            // id or token of the grant that is to be retired
}

// Gives is the principals that the grant lets do the action: ARNs.
// "Grants in AWS KMS" in the KMS developer guide
func (g Grant) Gives(u Use) (principals []string) {
	operation := strings.TrimPrefix(u.Action, "kms:")
	if operation == "RetireGrant" {
		if u.Grant != g.ID && u.Grant != g.Token {
			return nil
		}
		if g.Retirer != "" {
			principals = append(principals, g.Retirer)
		}
	}
	if slices.Contains(g.Operations, operation) && g.SourceARN == "" && g.holds(operation, u) {
		principals = append(principals, g.Grantee)
	}
	return slices.DeleteFunc(principals, func(p string) bool { return !principalShape.MatchString(p) })
}

// holds says whether the constraint lets an operation be done.
func (g Grant) holds(operation string, u Use) bool {
	switch operation {
	case "DescribeKey", "RetireGrant": // they have no encryption context
		return true
	case "CreateGrant": // what is given on is no more than what is had
		for _, op := range u.Operations {
			if !slices.Contains(g.Operations, op) {
				return false
			}
		}
		if g.Equals != nil && !u.Equals {
			return false
		}
	}
	if g.Equals != nil {
		return maps.Equal(g.Equals, u.Encryption)
	}
	for name, value := range g.Subset {
		if got, ok := u.Encryption[name]; !ok || got != value {
			return false
		}
	}
	return true
}

// newToken is the token of a grant: random bytes and its key's ARN, so that the
// grant is found from other accounts too.
func newToken(random []byte, keyARN string) string {
	return base64.StdEncoding.EncodeToString(append(random, keyARN...))
}

// keyOfToken is the ARN of the key in a token; empty for one that holds none.
func keyOfToken(token string) string {
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(raw) <= 2*grantBytes {
		return ""
	}
	return string(raw[2*grantBytes:])
}

// rootOf is the root of the account of a principal.
func rootOf(principal string) string {
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) != 6 {
		return ""
	}
	return "arn:" + parts[1] + ":iam::" + parts[4] + ":root"
}
