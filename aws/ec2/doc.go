// Package ec2 is the core of the network that clusters stand in. This first
// slice has, in every account and region, the default VPC that AWS makes: one
// subnet in each of three zones and a default security group. All of it follows
// from the account and the region by hash, so there is nothing to keep.
package ec2
