package ec2_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/ec2"
	"github.com/millrace/millrace/aws/model"
	shapes "github.com/millrace/millrace/aws/model/ec2"
	"github.com/millrace/millrace/store"
)

// over is a service over a store of its own.
func over(t *testing.T, used ...ec2.Interface) *ec2.Service {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return ec2.New(ec2.Config{
		Store: st, Random: rand.Reader, Now: time.Now,
		InUse: func(context.Context, model.Caller) ([]ec2.Interface, error) { return used, nil },
	})
}

var caller = model.Caller{Account: "000000000000", Region: "us-east-1"}

func TestNetworkIsStableAndItsOwn(t *testing.T) {
	service := over(t)
	seen := make(map[string]string)
	for _, account := range []string{"000000000000", "123456789012"} {
		for _, region := range []string{"us-east-1", "eu-central-1"} {
			v := ec2.DefaultVPCOf(account, region)
			if again := ec2.DefaultVPCOf(account, region); fmt.Sprint(again) != fmt.Sprint(v) {
				t.Errorf("%s %s: %v, then %v", account, region, v, again)
			}
			for _, id := range append([]string{v.ID, v.SecurityGroupID}, v.SubnetIDs...) {
				if !regexp.MustCompile(`^(vpc|sg|subnet)-[0-9a-f]{17}$`).MatchString(id) {
					t.Errorf("an id unlike EC2's: %s", id)
				}
				if owner, ok := seen[id]; ok {
					t.Errorf("%s is of %s and of %s %s", id, owner, account, region)
				}
				seen[id] = account + " " + region
			}
			if s, ok := subnetOf(t, service, account, region, v.SubnetIDs[2]); !ok || !s.Public || s.Zone != region+"c" || s.VPC != v.ID || s.CIDR != "172.31.32.0/20" {
				t.Errorf("the third subnet: %+v, %v", s, ok)
			}
		}
	}
	if _, ok := subnetOf(t, service, "123456789012", "us-east-1", ec2.DefaultVPCOf("000000000000", "us-east-1").SubnetIDs[0]); ok {
		t.Error("an account has another's subnet")
	}
}

func subnetOf(t *testing.T, s *ec2.Service, account, region, id string) (ec2.Subnet, bool) {
	t.Helper()
	found, ok, err := s.Subnet(t.Context(), model.Caller{Account: account, Region: region}, id)
	if err != nil {
		t.Fatal(err)
	}
	return found, ok
}

// TestZoneIDs compares with AWS's own zone ids.
func TestZoneIDs(t *testing.T) {
	service := over(t)
	for region, want := range map[string]string{
		"us-east-1": "use1-az1", "us-west-2": "usw2-az1", "eu-central-1": "euc1-az1", "ap-southeast-2": "apse2-az1", "ap-northeast-1": "apne1-az1",
		"sa-east-1": "sae1-az1", "ca-central-1": "cac1-az1", "me-south-1": "mes1-az1", "cn-north-1": "cnn1-az1", "cn-northwest-1": "cnnw1-az1",
		"us-gov-west-1": "usgw1-az1", "us-gov-east-1": "usge1-az1",
	} {
		s, _ := subnetOf(t, service, "000000000000", region, ec2.DefaultVPCOf("000000000000", region).SubnetIDs[0])
		if s.ZoneID != want {
			t.Errorf("%s: %s, want %s", region, s.ZoneID, want)
		}
	}
}

func filter(name string, values ...string) []shapes.Filter {
	return []shapes.Filter{{Name: &name, Values: values}}
}

func TestSubnetFilters(t *testing.T) {
	service := over(t)
	v := ec2.DefaultVPCOf(caller.Account, caller.Region)
	for _, tc := range []struct {
		name    string
		filters []shapes.Filter
		ids     []string
		want    int
		code    string
	}{
		{name: "none", want: 3},
		{name: "by id", ids: v.SubnetIDs[:2], want: 2},
		{name: "id and filter", ids: v.SubnetIDs[:2], filters: filter("availability-zone", "us-east-1b", "us-east-1c"), want: 1},
		{name: "any of the values", filters: filter("availability-zone-id", "use1-az1", "use1-az3"), want: 2},
		{name: "every filter", filters: append(filter("availabilityZone", "us-east-1a"), filter("vpc-id", "vpc-other")...), want: 0},
		{name: "wildcards", filters: filter("cidr", "172.31.*.0/2?"), want: 3},
		{name: "a wildcard that does not fit", filters: filter("cidr", "172.31.*.1/2?"), want: 0},
		{name: "a value in capitals", filters: filter("state", "Available"), want: 0},
		{name: "no values", filters: filter("state"), want: 0},
		{name: "tags", filters: filter("tag:Name", "*"), want: 0},
		{name: "an unknown filter", filters: filter("colour", "red"), code: "InvalidParameterValue"},
		{name: "an unknown filter after one that fails", filters: append(filter("state", "pending"), filter("colour", "red")...), code: "InvalidParameterValue"},
		{name: "a filter without a name", filters: []shapes.Filter{{}}, code: "MissingParameter"},
		{name: "an unknown id", ids: []string{"subnet-0"}, code: "InvalidSubnetID.NotFound"},
	} {
		out, err := service.DescribeSubnets(t.Context(), caller, &shapes.DescribeSubnetsRequest{Filters: tc.filters, SubnetIds: tc.ids})
		if code := codeOf(err); code != tc.code {
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.code)
		} else if code == "" && (len(out.Subnets) != tc.want || out.Subnets == nil) {
			t.Errorf("%s: %d subnets, want %d", tc.name, len(out.Subnets), tc.want)
		}
	}
}

func codeOf(err error) string {
	if e, ok := err.(*model.Error); ok {
		return e.Code
	}
	return ""
}

func TestPagesAndRefusals(t *testing.T) {
	s, v := over(t), ec2.DefaultVPCOf(caller.Account, caller.Region)
	ask := func(in shapes.DescribeSubnetsRequest) (*shapes.DescribeSubnetsResult, string) {
		if bad := in.Validate(); bad != nil {
			return nil, bad.Code
		}
		out, err := s.DescribeSubnets(t.Context(), caller, &in)
		return out, codeOf(err)
	}
	out, code := ask(shapes.DescribeSubnetsRequest{MaxResults: new(int32(5))})
	if code != "" || len(out.Subnets) != 3 || out.NextToken != nil {
		t.Errorf("one page for all: %+v %s", out, code)
	}
	out, code = ask(shapes.DescribeSubnetsRequest{MaxResults: new(int32(1000)), NextToken: new("2")})
	if code != "" || len(out.Subnets) != 1 || *out.Subnets[0].SubnetId != v.SubnetIDs[2] {
		t.Errorf("from a token on: %+v %s", out, code)
	}
	for want, in := range map[string]shapes.DescribeSubnetsRequest{
		"BadRequestException":         {MaxResults: new(int32(4))}, // the edge calls it InvalidParameterValue
		"InvalidNextToken":            {NextToken: new("-1")},
		"InvalidParameterCombination": {MaxResults: new(int32(5)), SubnetIds: v.SubnetIDs},
		"DryRunOperation":             {DryRun: new(true)},
	} {
		if _, code := ask(in); code != want {
			t.Errorf("%+v: got %q, want %q", in, code, want)
		}
	}
	_, err := s.DescribeAvailabilityZones(t.Context(), caller, &shapes.DescribeAvailabilityZonesRequest{ZoneNames: []string{"us-east-1z"}})
	if codeOf(err) != "InvalidParameterValue" || !strings.Contains(err.Error(), "Invalid availability zone: [us-east-1z]") {
		t.Errorf("an unknown zone: %v", err)
	}
	_, err = s.DescribeVpcs(t.Context(), caller, &shapes.DescribeVpcsRequest{VpcIds: []string{"vpc-1"}})
	if codeOf(err) != "InvalidVpcID.NotFound" || !strings.HasSuffix(err.Error(), "The vpc ID 'vpc-1' does not exist") {
		t.Errorf("an unknown VPC: %v", err)
	}
	_, err = s.DescribeSecurityGroups(t.Context(), caller, &shapes.DescribeSecurityGroupsRequest{GroupIds: []string{"sg-1"}})
	if codeOf(err) != "InvalidGroup.NotFound" {
		t.Errorf("an unknown group: %v", err)
	}
}

func TestDefaultGroupFilters(t *testing.T) {
	service := over(t)
	v := ec2.DefaultVPCOf(caller.Account, caller.Region)
	for _, f := range [][]shapes.Filter{filter("ip-permission.group-id", v.SecurityGroupID), filter("egress.ip-permission.cidr", "0.0.0.0/0"), filter("group-name", "def*")} {
		out, err := service.DescribeSecurityGroups(t.Context(), caller, &shapes.DescribeSecurityGroupsRequest{Filters: f})
		if err != nil || !slices.ContainsFunc(out.SecurityGroups, func(g shapes.SecurityGroup) bool { return *g.GroupId == v.SecurityGroupID }) {
			t.Errorf("%s %v: %+v, %v", *f[0].Name, f[0].Values, out, err)
		}
	}
}
