package policy_test

import (
	"testing"

	"github.com/millrace/millrace/aws/policy"
)

// TestPublic is "The meaning of public" of the S3 user guide.
func TestPublic(t *testing.T) {
	statement := func(who, condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + who + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{` + condition + `}}]}`
	}
	const everybody = `"Principal":"*"`
	for _, c := range []struct {
		who, condition string
		want           bool
	}{
		{everybody, "", true},
		{`"Principal":{"AWS":"*"}`, "", true},
		{`"Principal":{"AWS":"111122223333"}`, "", false},
		{`"Principal":{"Service":"logs.amazonaws.com"}`, "", false},
		{everybody, `"StringEquals":{"aws:SourceVpc":"vpc-91237329"}`, false},
		{everybody, `"StringLike":{"aws:SourceVpc":"vpc-*"}`, true},
		{everybody, `"StringEquals":{"aws:SourceVpc":"${aws:PrincipalTag/vpc}"}`, true},
		{everybody, `"StringNotEquals":{"aws:SourceVpc":"vpc-91237329"}`, true},
		{everybody, `"StringEqualsIfExists":{"aws:SourceVpc":"vpc-91237329"}`, true},
		{everybody, `"ForAllValues:StringEquals":{"aws:SourceVpc":"vpc-91237329"}`, true},
		{everybody, `"Null":{"aws:SourceVpc":"false"}`, true},
		{everybody, `"IpAddress":{"aws:SourceIp":["192.0.2.0/24","2001:db8::/32"]}`, false},
		{everybody, `"IpAddress":{"aws:SourceIp":["192.0.2.0/24","0.0.0.0/1"]}`, true},
		{everybody, `"IpAddress":{"aws:SourceIp":"::/0"}`, true},
		{everybody, `"Bool":{"aws:SecureTransport":"true"}`, true},
	} {
		d, err := policy.Parse(policy.Resource, []byte(statement(c.who, c.condition)))
		if err != nil {
			t.Errorf("%s %s: %v", c.who, c.condition, err)
			continue
		}
		if got := d.Public(); got != c.want {
			t.Errorf("%s with {%s}: public %t, want %t", c.who, c.condition, got, c.want)
		}
	}
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}]}`
	if d, err := policy.Parse(policy.Resource, []byte(deny)); err != nil || d.Public() {
		t.Errorf("a denial is public, or %v", err)
	}
}
