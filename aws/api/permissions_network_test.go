package api_test

import (
	"strings"
	"testing"

	awskafka "github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
)

// TestWhoMayTurnOnPublicAccess: a policy can keep that apart from the rest of
// UpdateConnectivity.
func TestWhoMayTurnOnPublicAccess(t *testing.T) {
	s := start(t)
	made, err := s.create(t, "orders")
	if err != nil {
		t.Fatal(err)
	}
	var key keyAnswer
	s.form(t, s.admin(), "iam", &struct{}{}, "Action=CreateUser", "UserName=alice")
	s.form(t, s.admin(), "iam", &key, "Action=CreateAccessKey", "UserName=alice")
	s.form(t, s.admin(), "iam", &struct{}{}, "Action=PutUserPolicy", "UserName=alice", "PolicyName=own", `PolicyDocument={"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"kafka:*","Resource":"*"},
		{"Effect":"Deny","Action":"kafka:UpdateConnectivity","Resource":"*","Condition":{"Bool":{"kafka:publicAccessEnabled":"true"}}}]}`)
	alice := s.client(key.Key.AccessKeyID, key.Key.Secret)
	for _, tc := range []struct {
		info *types.ConnectivityInfo
		want string
	}{
		{&types.ConnectivityInfo{PublicAccess: &types.PublicAccess{Type: new("SERVICE_PROVIDED_EIPS")}}, "kafka:UpdateConnectivity on resource: " + *made.ClusterArn + " with an explicit deny"},
		{&types.ConnectivityInfo{PublicAccess: &types.PublicAccess{Type: new("DISABLED")}}, "You can't update cluster in CREATING state."},
		{&types.ConnectivityInfo{VpcConnectivity: &types.VpcConnectivity{}}, "You can't update cluster in CREATING state."},
	} {
		_, err := alice.UpdateConnectivity(t.Context(), &awskafka.UpdateConnectivityInput{ClusterArn: made.ClusterArn, CurrentVersion: new("K1"), ConnectivityInfo: tc.info})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}
