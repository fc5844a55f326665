package msk

import (
	"slices"
	"strings"
	"time"
)

// version is a row of the table of Kafka versions that can be asked for.
type version struct {
	name         string
	supportUntil string // last day of standard support; "" while it lasts
}

// versions is in upgrade order within each metadata mode. ".x" is a line that
// is patched by itself, ".kraft" keeps its metadata in KRaft instead of
// ZooKeeper. (aws:kafka developer guide, supported Kafka versions; those of 3.6
// and 3.7 were ACTIVE after the day that it tells, in September 2026)
var versions = []version{
	{"1.1.1", "2024-06-05"},
	{"2.1.0", "2024-06-05"},
	{"2.2.1", "2024-06-08"},
	{"2.3.1", "2024-06-08"},
	{"2.4.1", "2024-06-08"},
	{"2.4.1.1", "2024-06-08"},
	{"2.5.1", "2024-06-08"},
	{"2.6.0", "2024-09-11"},
	{"2.6.1", "2024-09-11"},
	{"2.6.2", "2024-09-11"},
	{"2.6.3", "2024-09-11"},
	{"2.7.0", "2024-09-11"},
	{"2.7.1", "2024-09-11"},
	{"2.7.2", "2024-09-11"},
	{"2.8.0", "2024-09-11"},
	{"2.8.1", "2024-09-11"},
	{firstTiered, "2025-01-14"},
	{"3.1.1", "2024-09-11"},
	{"3.2.0", "2024-09-11"},
	{"3.3.1", "2024-09-11"},
	{"3.3.2", "2024-09-11"},
	{"3.4.0", "2025-08-04"},
	{"3.5.1", "2025-10-23"},
	{"3.6.0", ""},
	{"3.7.x", ""},
	{"3.7.x.kraft", ""},
	{"3.8.x", ""},
	{"3.8.x.kraft", ""},
	{"3.9.x", ""},
	{"3.9.x.kraft", ""},
	{"4.0.x.kraft", ""},
	{"4.1.x.kraft", ""},
}

// serverlessVersion is what serverless clusters run; the API does not show it.
const serverlessVersion = "3.9.x.kraft"

// status is ACTIVE, or DEPRECATED after the end of standard support.
func (v version) status(now time.Time) string {
	if v.supportUntil != "" && now.UTC().Format(time.DateOnly) > v.supportUntil {
		return "DEPRECATED"
	}
	return "ACTIVE"
}

// Versions with tiered storage: one of its own, and all from another on.
// (aws:kafka developer guide, tiered storage)
const (
	firstTiered = "2.8.2.tiered"
	sinceTiered = "3.6.0"
)

// tiers reports whether clusters of a Kafka version can have tiered storage.
func tiers(version string) bool { return version == firstTiered || since(version, sinceTiered) }

func kraft(version string) bool { return strings.HasSuffix(version, ".kraft") }

// upgradesOf answers what a version can be updated to: everything later with
// the same metadata mode, and from the last version with ZooKeeper to its twin;
// from the first with tiered storage only what has it too. runs says which
// versions can be run here.
func upgradesOf(name string, runs func(string) bool) []string {
	targets := []string{}
	later := false
	for _, v := range versions {
		if later && runs(v.name) && (name != firstTiered || tiers(v.name)) && (kraft(v.name) == kraft(name) || name == "3.9.x" && v.name == "3.9.x.kraft") {
			targets = append(targets, v.name)
		}
		later = later || v.name == name
	}
	return targets
}

// mayBecome checks that a cluster may be updated to a Kafka version: one that
// follows its own, while every replica is in sync and no broker holds too many.
// UNVERIFIED wordings. (aws:kafka developer guide, upgrade the Apache Kafka version)
func (c *cluster) mayBecome(target string, f changeFacts) error {
	const parameter = "targetKafkaVersion"
	valid := upgradesOf(c.KafkaVersion, f.runs)
	if c.Provisioned.express() {
		valid = expressUpgrades(valid)
	}
	if c.Provisioned.Tiered {
		valid = slices.DeleteFunc(valid, func(v string) bool { return !tiers(v) })
	}
	switch {
	case target == c.KafkaVersion:
		return identical(parameter)
	case !slices.Contains(valid, target):
		return badRequest(parameter, "Unsupported KafkaVersion [%s]. Valid values: [%s]", target, strings.Join(valid, ", "))
	case kraft(target) != kraft(c.KafkaVersion):
		if err := c.mayMigrate(); err != nil {
			return err
		}
	}
	for _, b := range c.Brokers {
		if n := f.held[b.ID].OutOfSync; n > 0 {
			return badRequest(parameter, "The cluster has under-replicated partitions: %d replicas of broker %d are out of sync. Try again when they have caught up.", n, b.ID)
		}
	}
	return checkPartitions(f.held, c.Provisioned.InstanceType)
}

// mayMigrate checks that a cluster may go from ZooKeeper to KRaft, which is for
// good; UNVERIFIED wordings. (aws:kafka developer guide, migrate to KRaft mode)
func (c *cluster) mayMigrate() error {
	const parameter, to = "targetKafkaVersion", "To migrate the cluster from ZooKeeper to KRaft, "
	p := c.Provisioned
	switch {
	case !p.ZooKeeperClosed:
		return badRequest(parameter, to+"access to ZooKeeper must be disabled first: use UpdateConnectivity with zookeeperAccess.")
	case len(p.Subnets) < 3:
		return badRequest(parameter, to+"it must have brokers in three Availability Zones.")
	case p.InstanceType == smallType:
		return badRequest(parameter, "The migration from ZooKeeper to KRaft is not supported for the broker type t3.small.")
	case p.Connectivity.Public && (p.Open.JMX || p.Open.Node):
		return badRequest(parameter, to+"public access and open monitoring must not be on together.")
	}
	return nil
}
