package msk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model/kafka"
)

// throughput is what a volume's throughput was provisioned to be.
type throughput struct {
	Enabled bool  `json:"enabled"`
	MiB     int32 `json:"mib,omitempty"` // a second
}

// Limits of a volume, in GiB, and of its throughput, in MiB a second.
// (aws:kafka developer guide, storage)
const (
	minVolumeGiB     = 1
	maxVolumeGiB     = 16384
	minGrowthGiB     = 10
	minThroughputGiB = 10  // of a volume with provisioned throughput
	minThroughputMiB = 250 // also where none is given
	maxThroughputMiB = 1000
	allBrokers       = "All" // kafkaBrokerNodeId of every broker
	maxVolumeInfo    = 1     // elements of targetBrokerEBSVolumeInfo
	defaultVolumeGiB = 1000  // of a broker whose size is not given. UNVERIFIED
)

// volumeCoolDown is how long volumes stay as they are after they have grown.
// (aws:kafka developer guide, scale up broker storage)
const volumeCoolDown = 6 * time.Hour

// throughputOf reads a request's provisionedThroughput; nil where there is none.
func throughputOf(in *kafka.ProvisionedThroughput) *throughput {
	if in == nil {
		return nil
	}
	t := &throughput{deref(in.Enabled), deref(in.VolumeThroughput)}
	if t.Enabled && in.VolumeThroughput == nil {
		t.MiB = minThroughputMiB
	}
	return t
}

func (t *throughput) render() *kafka.ProvisionedThroughput {
	if t == nil {
		return nil
	}
	out := &kafka.ProvisionedThroughput{Enabled: &t.Enabled}
	if t.MiB > 0 {
		out.VolumeThroughput = &t.MiB
	}
	return out
}

// check checks what of a volume's throughput a broker type can have.
// aws:kafka CreateCluster
func (t *throughput) check(instanceType string, volumeGiB int32) error {
	const parameter = "volumeThroughput"
	kind, _ := FindInstanceType(instanceType)
	switch {
	case t == nil:
		return nil
	case !t.Enabled && t.MiB != 0:
		return badRequest(parameter, "To specify a value for VolumeThroughput, you must enable ProvisionedThroughput.")
	case !t.Enabled:
		return nil
	case kind.VolumeMiB == 0:
		return badRequest("provisionedThroughput", "Provisioned throughput is not supported for the specified broker type.")
	case volumeGiB < minThroughputGiB:
		return badRequest("volumeSize", "To enable ProvisionedThroughput, you must set volume size to a value that is greater than or equal to %d.", minThroughputGiB)
	case t.MiB < minThroughputMiB || t.MiB > maxThroughputMiB:
		return badRequest(parameter, "EBS volume throughput should be between %d and %d MiB/s.", minThroughputMiB, maxThroughputMiB)
	case float64(t.MiB) > kind.VolumeMiB:
		return badRequest(parameter, "For brokers of type %s, the maximum value for VolumeThroughput cannot exceed %v MiB/s.", strings.TrimPrefix(instanceType, "kafka."), kind.VolumeMiB)
	}
	return nil
}

// Values of storageMode.
const (
	localStorage  = "LOCAL"
	tieredStorage = "TIERED"
)

// checkTiered checks that brokers can have tiered storage; the wording about
// versions is UNVERIFIED. (aws:kafka developer guide, tiered storage)
func checkTiered(tiered bool, instanceType, kafkaVersion string) error {
	switch {
	case !tiered:
		return nil
	case instanceType == smallType:
		return badRequest("instanceType", "Tiered storage is not supported for the specified broker type.")
	case !tiers(kafkaVersion):
		return badRequest("kafkaVersion", "Tiered storage is not supported for Kafka version %s.", kafkaVersion)
	}
	return nil
}

// checkVolume checks the volumes of a new cluster. UNVERIFIED wording
func checkVolume(p *provisioned) error {
	if p.express() {
		return nil
	}
	if p.VolumeGiB < minVolumeGiB || p.VolumeGiB > maxVolumeGiB {
		return badRequest("volumeSize", "The volume size must be %d to %d GiB.", minVolumeGiB, maxVolumeGiB)
	}
	return p.Throughput.check(p.InstanceType, p.VolumeGiB)
}

// storageChange reads an UpdateBrokerStorage request.
// aws:kafka UpdateBrokerStorage; UNVERIFIED wordings
func storageChange(in *kafka.UpdateBrokerStorageRequest) (change, error) {
	if len(in.TargetBrokerEBSVolumeInfo) != maxVolumeInfo || !strings.EqualFold(deref(in.TargetBrokerEBSVolumeInfo[0].KafkaBrokerNodeId), allBrokers) {
		return change{}, badRequest("targetBrokerEBSVolumeInfo", "The volumes of all brokers must be updated together. Specify one element with the kafkaBrokerNodeId All.")
	}
	v := in.TargetBrokerEBSVolumeInfo[0]
	return volumeChange(in.CurrentVersion, v.VolumeSizeGB, v.ProvisionedThroughput), nil
}

// storageChangeV2 reads an UpdateStorage request: one attribute at a time.
// aws:kafka UpdateStorage
func storageChangeV2(in *kafka.UpdateStorageRequest) (change, error) {
	given := []bool{in.StorageMode != nil, in.ProvisionedThroughput != nil, in.VolumeSizeGB != nil}
	switch {
	case len(slices.DeleteFunc(given, func(is bool) bool { return !is })) > 1:
		return change{}, errManyAttributes
	case in.StorageMode != nil:
		return modeChange(in.CurrentVersion, *in.StorageMode), nil
	}
	return volumeChange(in.CurrentVersion, in.VolumeSizeGB, in.ProvisionedThroughput), nil
}

var (
	errManyAttributes = badRequest("", "You can't update multiple attributes of the cluster in same request. Use a different request for each update.")
	errSameVolumes    = badRequest("", "The request does not include any updates to the EBS volumes of the cluster. Verify the request, then try again.")
	errNoVolumes      = badRequest("clusterArn", "Storage cannot be updated for clusters with Express instance types.") // UNVERIFIED wording
)

// volumeChange makes volumes larger, changes their throughput, or both.
func volumeChange(stamp *string, size *int32, wanted *kafka.ProvisionedThroughput) change {
	return change{verb: "update", stamp: stamp, decide: func(c cluster, f changeFacts) (plan, error) {
		p, t := c.Provisioned, throughputOf(wanted)
		if p.express() {
			return plan{}, errNoVolumes
		}
		was := or(p.Throughput, throughput{})
		if or(size, p.VolumeGiB) == p.VolumeGiB && or(t, was) == was {
			return plan{}, errSameVolumes
		}
		made := plan{kind: updateVolume, source: settings{VolumeGiB: p.VolumeGiB}, acts: []act{{Kind: put}}}
		if size != nil && *size != p.VolumeGiB {
			if err := p.mayGrow(*size, minGrowthGiB, f.now); err != nil {
				return plan{}, err
			}
			made.target.VolumeGiB = *size
		}
		if t != nil {
			if err := t.check(p.InstanceType, or(size, p.VolumeGiB)); err != nil {
				return plan{}, err
			}
			made.source.Throughput, made.target.Throughput = &was, t
		}
		return made, nil
	}}
}

// modeChange gives a cluster tiered storage, which is for good: brokers start
// again with it. UNVERIFIED wordings
func modeChange(stamp *string, mode string) change {
	const parameter = "storageMode"
	return change{verb: "update", stamp: stamp, decide: func(c cluster, f changeFacts) (plan, error) {
		p := c.Provisioned
		switch {
		case p.express():
			return plan{}, errNoVolumes
		case mode == p.storageMode():
			return plan{}, identical(parameter)
		case p.Tiered:
			return plan{}, badRequest(parameter, "The storage mode of a cluster can't be changed from %s to %s.", tieredStorage, mode)
		}
		if err := checkTiered(true, p.InstanceType, c.KafkaVersion); err != nil {
			return plan{}, renamed(err, parameter)
		}
		if err := checkTieredProperties(true, f.current); err != nil {
			return plan{}, renamed(err, parameter)
		}
		return plan{
			kind: updateStorageMode, source: settings{StorageMode: localStorage}, target: settings{StorageMode: tieredStorage},
			acts: append([]act{{Kind: put}}, c.rolling("")...),
		}, nil
	}}
}

// checkTieredProperties refuses configurations by which topics would be
// compacted that do not say otherwise. UNVERIFIED wording
// (aws:kafka developer guide, tiered storage)
func checkTieredProperties(tiered bool, properties map[string]string) error {
	const name = "log.cleanup.policy"
	if v, set := properties[name]; tiered && set && v != "delete" {
		return badRequest("configurationInfo", "Tiered storage requires %s to be delete, not %s.", name, v)
	}
	return nil
}

// storageMode is how the API names where the cluster's records are.
func (p *provisioned) storageMode() string {
	if p.Tiered {
		return tieredStorage
	}
	return localStorage
}

// volumeGrowth makes volumes larger as automatic scaling does, whose steps are
// smaller than those that clients may take.
func volumeGrowth(target int32) change {
	return change{verb: "update", decide: func(c cluster, f changeFacts) (plan, error) {
		p := c.Provisioned
		if err := p.mayGrow(target, 1, f.now); err != nil {
			return plan{}, err
		}
		return plan{
			kind: updateVolume, source: settings{VolumeGiB: p.VolumeGiB}, target: settings{VolumeGiB: target}, acts: []act{{Kind: put}},
		}, nil
	}}
}

// mayGrow checks that volumes can have another size now, at least so many GiB
// more.
func (p *provisioned) mayGrow(target, least int32, now time.Time) error {
	switch wait := p.VolumeChanged.Add(volumeCoolDown).Sub(now); {
	case target-p.VolumeGiB < least:
		return badRequest("volumeSizeGB", "To update storage, you must increase it by at least %d GiB.", minGrowthGiB)
	case target > maxVolumeGiB: // UNVERIFIED wording
		return badRequest("volumeSizeGB", "The volume size can be at most %d GiB.", maxVolumeGiB)
	case wait > 0: // UNVERIFIED wording
		return badRequest("volumeSizeGB", "You can update the storage of the cluster only once in 6 hours. Try again in %s.", wait.Round(time.Minute))
	}
	return nil
}

// tieredDefaults puts what the service sets on brokers with tiered storage over
// what it sets on others. (aws:kafka developer guide, default configuration and
// tiered storage configurations)
func tieredDefaults(d map[string]string, instanceType, kafkaVersion string) map[string]string {
	t, _ := FindInstanceType(instanceType)
	for name, n := range map[string]int{
		"num.io.threads": max(8, t.processors()), "num.network.threads": max(5, t.processors()/2), "num.replica.fetchers": max(2, t.processors()/4),
		"log.segment.bytes": 128 << 20, "remote.log.reader.threads": max(10, t.processors()*67/100),
	} {
		d[name] = strconv.Itoa(n)
	}
	d["unclean.leader.election.enable"] = "false"
	if kafkaVersion == firstTiered || strings.HasPrefix(kafkaVersion, "3.7.") {
		d["log.message.timestamp.difference.max.ms"] = "86400000"
	}
	if since(kafkaVersion, sinceTiered) {
		d["remote.log.storage.system.enable"] = "true"
	}
	return d
}
