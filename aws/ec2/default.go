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

const (
	defaultVPCCIDR = "172.31.0.0/16"
	zonesPerRegion = 3
)

// id is a stable EC2 id: prefix and 17 hex digits, as AWS's.
func id(prefix, account, region, what string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{"millrace", account, region, what}, "/")))
	return prefix + "-0" + hex.EncodeToString(sum[:8])
}

// DefaultVPCOf is the default VPC that an account has in a region until it
// deletes it.
func DefaultVPCOf(account, region string) DefaultVPC {
	v := DefaultVPC{ID: id("vpc", account, region, "vpc"), SecurityGroupID: id("sg", account, region, "default")}
	for i := range zonesPerRegion {
		v.SubnetIDs = append(v.SubnetIDs, id("subnet", account, region, zoneLetter(i)))
	}
	return v
}

// defaults is the default VPC with what belongs to it. aws:ec2 CreateDefaultVpc
func defaults(account, region string) []resource {
	v := DefaultVPCOf(account, region)
	gateway := id("igw", account, region, "default")
	out := []resource{
		&vpc{
			common: common{ID: v.ID}, Block: block{id("vpc-cidr-assoc", account, region, "cidr"), defaultVPCCIDR},
			Default: true, Tenancy: "default", DNSHostnames: true,
		},
		&internetGateway{common: common{ID: gateway}, VPC: v.ID},
		&routeTable{
			common: common{ID: id("rtb", account, region, "main")}, VPC: v.ID, Main: id("rtbassoc", account, region, "main"),
			Routes: []route{{To: "0.0.0.0/0", Gateway: gateway}},
		},
		&networkACL{common: common{ID: id("acl", account, region, "default")}, VPC: v.ID},
		&securityGroup{
			common: common{ID: v.SecurityGroupID}, VPC: v.ID, Name: defaultGroupName, Description: defaultGroupDescription,
			Rules: []rule{
				{ID: id("sgr", account, region, "in"), Protocol: "-1", From: -1, To: -1, Group: v.SecurityGroupID},
				everywhere(id("sgr", account, region, "out")),
			},
		},
	}
	for i := range zonesPerRegion {
		out = append(out, defaultSubnet(account, region, i))
	}
	return out
}

func defaultSubnet(account, region string, zone int) *subnet {
	v := DefaultVPCOf(account, region)
	return &subnet{
		common: common{ID: v.SubnetIDs[zone]}, VPC: v.ID, CIDR: fmt.Sprintf("172.31.%d.0/20", zone*16), Zone: zone,
		Default: true, PublicIPs: true, HostnameBy: "ip-name",
	}
}

// everywhere is the rule for outbound traffic that groups begin with.
func everywhere(id string) rule {
	return rule{ID: id, Egress: true, Protocol: "-1", From: -1, To: -1, CIDR: "0.0.0.0/0"}
}

func zoneLetter(zone int) string { return string(rune('a' + zone)) }

func zoneName(region string, zone int) string { return region + zoneLetter(zone) }

func zoneID(region string, zone int) string {
	return fmt.Sprintf("%s-az%d", zonePrefix(region), zone+1)
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
