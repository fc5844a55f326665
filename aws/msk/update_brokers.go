package msk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model/kafka"
)

// rolling is one restart of every broker, by id: the first is the controller,
// whose server.properties are those that all share. step is what clients see of
// it; "" where they see no steps.
func (c *cluster) rolling(step string) (acts []act) {
	for _, b := range c.Brokers {
		acts = append(acts, act{Step: step, Kind: restart, Broker: b.ID})
	}
	return acts
}

// checkPartitions refuses to change brokers that hold too much.
// aws:kafka UpdateSecurity; UNVERIFIED that others say the same
func checkPartitions(held map[int32]Held, instanceType string) error {
	most := 0
	for _, h := range held {
		most = max(most, h.Replicas)
	}
	if t, _ := FindInstanceType(instanceType); most > t.Partitions {
		return badRequest("", "The number of partitions per broker is above the recommended limit. Add more brokers and rearrange the partitions per broker to be below the recommended limit, then retry the request")
	}
	return nil
}

// countChange reads an UpdateBrokerCount request. aws:kafka UpdateBrokerCount;
// UNVERIFIED wordings but for the multiple of zones
func countChange(in *kafka.UpdateBrokerCountRequest) (change, error) {
	target := int(deref(in.TargetNumberOfBrokerNodes))
	return change{verb: "update", stamp: in.CurrentVersion, decide: func(c cluster, f changeFacts) (plan, error) {
		zones, have := len(c.Provisioned.Subnets), len(c.Brokers)
		if target == have {
			return plan{}, badRequest("targetNumberOfBrokerNodes", "The cluster has %d broker nodes already.", have)
		}
		others := slices.DeleteFunc(slices.Clone(f.existing), func(o cluster) bool { return o.ARN == c.ARN })
		w := wish{kafkaVersion: c.KafkaVersion, brokers: target, provisioned: c.Provisioned}
		if err := checkBrokerCount(w, others, f.quotas); err != nil {
			if target < zones || target%zones != 0 || target > have {
				return plan{}, renamed(err, "targetNumberOfBrokerNodes")
			}
		}
		p := plan{kind: increaseBrokerCount, source: settings{Brokers: have}, target: settings{Brokers: target}}
		if target > have {
			p.added = c.moreBrokers(target-have, f)
			p.acts = []act{{Kind: grow}}
			return p, nil
		}
		p.kind, p.removed = decreaseBrokerCount, c.fewerBrokers(have-target)
		p.acts = []act{{Kind: shrink}}
		return p, c.mayShrink(p.removed, f.held)
	}}, nil
}

// moreBrokers are new brokers, their zones in turn.
func (c *cluster) moreBrokers(n int, f changeFacts) (added []broker) {
	next := slices.MaxFunc(c.Brokers, func(a, b broker) int { return cmp.Compare(a.ID, b.ID) }).ID + 1
	for i := range n {
		subnet := c.Provisioned.Subnets[(len(c.Brokers)+i)%len(c.Provisioned.Subnets)]
		added = append(added, broker{
			ID:     next + int32(i),
			ARN:    strings.Replace(c.ARN, ":cluster/", ":broker/", 1) + "/" + f.ids.brokers[i],
			Subnet: subnet, Zone: f.zones[subnet].Zone, ZoneID: f.zones[subnet].ZoneID,
			Configuration: c.Provisioned.Configuration,
		})
	}
	return added
}

// fewerBrokers are the brokers that go: of each zone those with the highest ids.
func (c *cluster) fewerBrokers(n int) (removed []broker) {
	each := n / len(c.Provisioned.Subnets)
	left := map[string]int{}
	for _, b := range slices.Backward(c.Brokers) {
		if left[b.Subnet] < each {
			left[b.Subnet]++
			removed = append(removed, b)
		}
	}
	slices.Reverse(removed)
	return removed
}

// mayShrink checks that brokers can go: of a Kafka version and type that can, and
// without partitions of clients' topics.
func (c *cluster) mayShrink(removed []broker, held map[int32]Held) error {
	if !slices.Contains(versionNames()[slices.Index(versionNames(), "2.8.1"):], c.KafkaVersion) {
		return badRequest("targetNumberOfBrokerNodes", "Removing brokers is not supported for Apache Kafka version %s.", c.KafkaVersion)
	}
	if c.Provisioned.InstanceType == smallType {
		return badRequest("targetNumberOfBrokerNodes", "Removing brokers is not supported for the broker type t3.small.")
	}
	var full []string
	for _, b := range removed {
		if held[b.ID].Clients > 0 {
			full = append(full, fmt.Sprint(b.ID))
		}
	}
	if full != nil {
		return badRequest("targetNumberOfBrokerNodes", "The brokers [%s] have user partitions. Move all user partitions off the brokers to remove before you update the broker count.", strings.Join(full, ", "))
	}
	return nil
}

// typeChange reads an UpdateBrokerType request: every broker starts again, unless
// it is a step of an upgrade to Express brokers (mixed.go). aws:kafka
// UpdateBrokerType; UNVERIFIED wordings
func typeChange(in *kafka.UpdateBrokerTypeRequest) (change, error) {
	const parameter = "targetInstanceType"
	target := deref(in.TargetInstanceType)
	_, _, both := parseBoth(target)
	return change{verb: "update", stamp: in.CurrentVersion, scans: both, mixed: true, decide: func(c cluster, f changeFacts) (plan, error) {
		if p, ok, err := kindChange(c, in, f); ok || err != nil {
			return p, err
		}
		if target == c.Provisioned.InstanceType {
			return plan{}, badRequest(parameter, "The cluster has the broker type %s already.", strings.TrimPrefix(target, "kafka."))
		}
		if err := checkInstanceType(parameter, target, c.KafkaVersion); err != nil {
			return plan{}, err
		}
		if have := c.Provisioned.InstanceType; c.Provisioned.express() {
			if !strings.HasPrefix(target, expressPrefix) {
				return plan{}, badRequest(parameter, "The broker type %s cannot be changed to %s.", have, target)
			}
		} else if strings.HasPrefix(target, expressPrefix) {
			return plan{}, badRequest(parameter, "The broker type %s cannot be changed to %s at once. To begin the upgrade to Express brokers, specify both types: %s,%s", have, target, have, target)
		}
		if err := c.Provisioned.Throughput.check(target, c.Provisioned.VolumeGiB); err != nil {
			return plan{}, renamed(err, parameter)
		}
		if err := checkTiered(c.Provisioned.Tiered, target, c.KafkaVersion); err != nil {
			return plan{}, renamed(err, parameter)
		}
		if err := checkPartitions(f.held, target); err != nil {
			return plan{}, err
		}
		if err := c.Provisioned.Connectivity.fits(c.KafkaVersion, target, &c.Provisioned.security, f.current); err != nil {
			return plan{}, renamed(err, parameter)
		}
		return plan{
			kind: updateType, source: settings{InstanceType: c.Provisioned.InstanceType}, target: settings{InstanceType: target},
			acts: append([]act{{Kind: put}}, c.rolling("")...),
		}, nil
	}}, nil
}
