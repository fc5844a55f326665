package ec2

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// DefaultVPC is what clients need to name.
type DefaultVPC struct {
	ID              string
	SubnetIDs       []string // by zone
	SecurityGroupID string
}

// Subnet is one subnet and where it lies.
type Subnet struct {
	ID, VPC      string
	Zone, ZoneID string // us-east-1a, use1-az1
	CIDR         string
}

const (
	vpcCIDR      = "172.31.0.0/16"
	zonesPerVPC  = 3
	freeInSubnet = 4091 // of a /20: AWS keeps five addresses
)

// id is a stable EC2 id: prefix and 17 hex digits, as AWS's.
func id(prefix, account, region, what string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{"millrace", account, region, what}, "/")))
	return prefix + "-0" + hex.EncodeToString(sum[:8])
}

// DefaultVPCOf is the default VPC of an account in a region.
func DefaultVPCOf(account, region string) DefaultVPC {
	v := DefaultVPC{ID: id("vpc", account, region, "vpc"), SecurityGroupID: id("sg", account, region, "default")}
	for i := range zonesPerVPC {
		v.SubnetIDs = append(v.SubnetIDs, subnet(account, region, i).ID)
	}
	return v
}

func subnet(account, region string, i int) Subnet {
	letter := string(rune('a' + i))
	return Subnet{
		ID: id("subnet", account, region, letter), VPC: id("vpc", account, region, "vpc"),
		Zone: region + letter, ZoneID: fmt.Sprintf("%s-az%d", zonePrefix(region), i+1),
		CIDR: fmt.Sprintf("172.31.%d.0/20", i*16),
	}
}

func subnets(account, region string) []Subnet {
	out := make([]Subnet, zonesPerVPC)
	for i := range out {
		out[i] = subnet(account, region, i)
	}
	return out
}

// SubnetByID finds a subnet of an account in a region.
func SubnetByID(account, region, subnetID string) (Subnet, bool) {
	for _, s := range subnets(account, region) {
		if s.ID == subnetID {
			return s, true
		}
	}
	return Subnet{}, false
}

// zonePrefix is how zone ids of a region begin: "use1" for us-east-1.
func zonePrefix(region string) string {
	parts := strings.Split(strings.Replace(region, "us-gov-", "usg-", 1), "-")
	if len(parts) < 3 {
		return region
	}
	direction := ""
	for _, word := range []string{"north", "south", "east", "west", "central"} {
		if strings.Contains(parts[len(parts)-2], word) {
			direction += word[:1]
		}
	}
	return strings.Join(parts[:len(parts)-2], "") + direction + parts[len(parts)-1]
}
