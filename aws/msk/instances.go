package msk

import (
	"slices"
	"strconv"
	"strings"
)

// InstanceType is what a broker type can do.
type InstanceType struct {
	Name       string
	Partitions int     // replicas that a broker may hold while its cluster is changed
	Gigabits   float64 // a second: the network's baseline
	VolumeMiB  float64 // a second: the most throughput of its volume that can be provisioned; 0: none can
	Ingress    float64 // megabytes a second beyond which producers are throttled, of Express
	Egress     float64 // likewise of consumers

	Recommended int // replicas that AWS recommends at most, of Express
}

// Express reports whether brokers of the type are Express brokers.
func (t InstanceType) Express() bool { return strings.HasPrefix(t.Name, expressPrefix) }

const expressPrefix = "express."

// processors is the vCPUs of a type, by the size in its name.
// (aws:ec2 instance types)
func (t InstanceType) processors() int {
	switch size := t.Name[strings.LastIndexByte(t.Name, '.')+1:]; size {
	case "xlarge":
		return 4
	default:
		n, err := strconv.Atoi(strings.TrimSuffix(size, "xlarge"))
		if err != nil {
			return 2 // small, large
		}
		return 4 * n
	}
}

// instanceTypes is every broker type. (aws:kafka developer guide, broker types,
// right-size your cluster, storage throughput, Express broker quotas; aws:ec2
// instance types, network specifications)
var instanceTypes = []InstanceType{
	{Name: "kafka.t3.small", Partitions: 300, Gigabits: 0.128},
	{Name: "kafka.m5.large", Partitions: 1500, Gigabits: 0.75},
	{Name: "kafka.m5.xlarge", Partitions: 1500, Gigabits: 1.25},
	{Name: "kafka.m5.2xlarge", Partitions: 3000, Gigabits: 2.5},
	{Name: "kafka.m5.4xlarge", Partitions: 6000, Gigabits: 5, VolumeMiB: 593.75},
	{Name: "kafka.m5.8xlarge", Partitions: 6000, Gigabits: 10, VolumeMiB: 850},
	{Name: "kafka.m5.12xlarge", Partitions: 6000, Gigabits: 12, VolumeMiB: 1000},
	{Name: "kafka.m5.16xlarge", Partitions: 6000, Gigabits: 20, VolumeMiB: 1000},
	{Name: "kafka.m5.24xlarge", Partitions: 6000, Gigabits: 25, VolumeMiB: 1000},
	{Name: "kafka.m7g.large", Partitions: 1500, Gigabits: 0.937},
	{Name: "kafka.m7g.xlarge", Partitions: 1500, Gigabits: 1.876},
	{Name: "kafka.m7g.2xlarge", Partitions: 3000, Gigabits: 3.75, VolumeMiB: 312.5},
	{Name: "kafka.m7g.4xlarge", Partitions: 6000, Gigabits: 7.5, VolumeMiB: 625},
	{Name: "kafka.m7g.8xlarge", Partitions: 6000, Gigabits: 15, VolumeMiB: 1000},
	{Name: "kafka.m7g.12xlarge", Partitions: 6000, Gigabits: 22.5, VolumeMiB: 1000},
	{Name: "kafka.m7g.16xlarge", Partitions: 6000, Gigabits: 30, VolumeMiB: 1000},
	{Name: "express.m7g.large", Partitions: 1500, Recommended: 1000, Gigabits: 0.937, Ingress: 23.4, Egress: 58.5},
	{Name: "express.m7g.xlarge", Partitions: 2000, Recommended: 1000, Gigabits: 1.876, Ingress: 46.8, Egress: 117},
	{Name: "express.m7g.2xlarge", Partitions: 4000, Recommended: 2500, Gigabits: 3.75, Ingress: 93.7, Egress: 234.2},
	{Name: "express.m7g.4xlarge", Partitions: 8000, Recommended: 6000, Gigabits: 7.5, Ingress: 187.5, Egress: 468.7},
	{Name: "express.m7g.8xlarge", Partitions: 16000, Recommended: 12000, Gigabits: 15, Ingress: 375, Egress: 937.5},
	{Name: "express.m7g.12xlarge", Partitions: 24000, Recommended: 16000, Gigabits: 22.5, Ingress: 562.5, Egress: 1406.2},
	{Name: "express.m7g.16xlarge", Partitions: 32000, Recommended: 20000, Gigabits: 30, Ingress: 750, Egress: 1875},
}

// FindInstanceType finds a broker type by the name that the API has for it.
func FindInstanceType(name string) (InstanceType, bool) {
	i := slices.IndexFunc(instanceTypes, func(t InstanceType) bool { return t.Name == name })
	if i < 0 {
		return InstanceType{}, false
	}
	return instanceTypes[i], true
}

// smallType is the one broker type that is never offered with KRaft metadata,
// tiered storage and multi-VPC connectivity.
const smallType = "kafka.t3.small"

// firstGraviton is the first Kafka version that brokers of type m7g run, beside
// the first with tiered storage.
const firstGraviton = "3.3.2"

// offered reports whether a Kafka version runs on brokers of a type.
// (aws:kafka developer guide, broker types)
func (t InstanceType) offered(kafkaVersion string) bool {
	switch {
	case t.Name == smallType:
		return !kraft(kafkaVersion)
	case strings.HasPrefix(t.Name, "kafka.m7g."):
		return kafkaVersion == firstTiered || since(kafkaVersion, firstGraviton)
	}
	return true
}

// checkInstanceType wants a broker type that a Kafka version runs on.
func checkInstanceType(parameter, name, kafkaVersion string) error {
	var valid []string
	for _, t := range instanceTypes {
		if t.offered(kafkaVersion) {
			valid = append(valid, t.Name)
		}
	}
	if slices.Contains(valid, name) {
		return nil
	}
	return badRequest(parameter, "Unsupported InstanceType specified. Valid values: [%s]", strings.Join(valid, ", "))
}

// express reports whether the cluster's brokers are Express brokers.
func (p *provisioned) express() bool { return strings.HasPrefix(p.InstanceType, expressPrefix) }
