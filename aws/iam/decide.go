package iam

import (
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/millrace/millrace/aws/model"
)

// AccountID is the account that exists from the first start: the one that
// users of local AWS endpoints expect.
const AccountID = "000000000000"

// Credential is an access key with its secret.
type Credential struct {
	AccessKeyID string `json:"accessKeyId"`
	Secret      string `json:"secret"`
	Account     string `json:"account"`
}

// sizes of the random parts of a credential, in bytes.
const (
	keyIDBytes  = 10 // 16 characters after AKIA
	secretBytes = 30 // 40 characters
)

// newCredential makes a credential in AWS's shape of fresh random bytes.
func newCredential(account string, random []byte) Credential {
	return Credential{
		AccessKeyID: "AKIA" + base32.StdEncoding.EncodeToString(random[:keyIDBytes]),
		Secret:      base64.StdEncoding.EncodeToString(random[keyIDBytes : keyIDBytes+secretBytes]),
		Account:     account,
	}
}

func rootARN(partition, account string) string {
	return "arn:" + partition + ":iam::" + account + ":root"
}

// callerOf is the root caller of a credential in a region.
func callerOf(c Credential, region string) model.Caller {
	caller := model.Caller{Account: c.Account, Region: region, UserID: c.Account, AccessKeyID: c.AccessKeyID}
	caller.ARN = rootARN(caller.Partition(), c.Account)
	return caller
}

// authorize lets root do everything, and nobody else anything but ask who they
// are, which takes no permission. aws:sts GetCallerIdentity
func authorize(c model.Caller, action, resource string) error {
	if c.Account != "" && c.ARN == rootARN(c.Partition(), c.Account) || action == "sts:GetCallerIdentity" {
		return nil
	}
	return &model.Error{
		Code: "AccessDeniedException", HTTP: http.StatusForbidden,
		Message: fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action", c.ARN, action, resource, action),
	}
}
