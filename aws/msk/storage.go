package msk

import (
	"slices"
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
	minGrowthGiB     = 100
	minThroughputGiB = 10 // of a volume with provisioned throughput
	minThroughputMiB = 250
	allBrokers       = "All" // kafkaBrokerNodeId of every broker
	maxVolumeInfo    = 1     // elements of targetBrokerEBSVolumeInfo
	defaultVolumeGiB = 1000  // of a broker whose size is not given. UNVERIFIED
	throughputMember = "provisionedThroughput"
)

// volumeCoolDown is how long volumes stay as they are after they have grown.
// (aws:kafka developer guide, scale up broker storage)
const volumeCoolDown = 6 * time.Hour

// throughputOf reads a request's provisionedThroughput; nil where there is none.
func throughputOf(in *kafka.ProvisionedThroughput) *throughput {
	if in == nil {
		return nil
	}
	return &throughput{deref(in.Enabled), deref(in.VolumeThroughput)}
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

// check checks what of a volume's throughput a broker type can have. UNVERIFIED
// wordings
func (t *throughput) check(instanceType string, volumeGiB int32) error {
	kind, _ := FindInstanceType(instanceType)
	switch {
	case t == nil:
		return nil
	case !t.Enabled && t.MiB != 0:
		return badRequest("volumeThroughput", "Omit volumeThroughput when provisioned throughput is not enabled.")
	case !t.Enabled:
		return nil
	case kind.VolumeMiB == 0:
		return badRequest(throughputMember, "Provisioned throughput is not supported for the broker type %s.", instanceType)
	case volumeGiB < minThroughputGiB:
		return badRequest(throughputMember, "Provisioned throughput requires volumes of at least %d GiB.", minThroughputGiB)
	case t.MiB < minThroughputMiB || t.MiB > kind.VolumeMiB:
		return badRequest("volumeThroughput", "The volume throughput for the broker type %s is %d to %d MiB per second.", instanceType, minThroughputMiB, kind.VolumeMiB)
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
	return volumeChange(in.CurrentVersion, v.VolumeSizeGB, v.ProvisionedThroughput)
}

// storageChangeV2 reads an UpdateStorage request: one attribute at a time.
// aws:kafka UpdateStorage
func storageChangeV2(in *kafka.UpdateStorageRequest) (change, error) {
	given := []bool{in.StorageMode != nil, in.ProvisionedThroughput != nil, in.VolumeSizeGB != nil}
	switch {
	case len(slices.DeleteFunc(given, func(is bool) bool { return !is })) > 1:
		return change{}, errManyAttributes
	case in.StorageMode != nil:
		return change{}, notBuilt("storageMode", "tiered storage (storageMode %s)", *in.StorageMode)
	}
	return volumeChange(in.CurrentVersion, in.VolumeSizeGB, in.ProvisionedThroughput)
}

var errManyAttributes = badRequest("", "You can't update multiple attributes of the cluster in same request. Use a different request for each update.")

// volumeChange makes volumes larger, changes their throughput, or both.
func volumeChange(stamp *string, size *int32, wanted *kafka.ProvisionedThroughput) (change, error) {
	if size == nil && wanted == nil { // UNVERIFIED wording
		return change{}, badRequest("volumeSizeGB", "Specify the new volume size.")
	}
	return change{verb: "update", stamp: stamp, decide: func(c cluster, f changeFacts) (plan, error) {
		p := c.Provisioned
		if p.express() { // UNVERIFIED wording
			return plan{}, badRequest("clusterArn", "Storage cannot be updated for the broker type %s.", p.InstanceType)
		}
		made := plan{kind: updateVolume, source: settings{VolumeGiB: p.VolumeGiB}, acts: []act{{Step: stepApply, Kind: put}}}
		if size != nil {
			if err := p.mayGrow(*size, minGrowthGiB, f.now); err != nil {
				return plan{}, err
			}
			made.target.VolumeGiB = *size
		}
		if t := throughputOf(wanted); t != nil {
			if err := t.check(p.InstanceType, or(size, p.VolumeGiB)); err != nil {
				return plan{}, err
			}
			was := or(p.Throughput, throughput{})
			if size == nil && was == *t { // UNVERIFIED wording
				return plan{}, badRequest(throughputMember, "The volumes of the cluster have this throughput already.")
			}
			made.source.Throughput, made.target.Throughput = &was, t
		}
		return made, nil
	}}, nil
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
			kind: updateVolume, source: settings{VolumeGiB: p.VolumeGiB}, target: settings{VolumeGiB: target}, acts: []act{{Step: stepApply, Kind: put}},
		}, nil
	}}
}

// mayGrow checks that volumes can have another size now, at least so many GiB
// more.
func (p *provisioned) mayGrow(target, least int32, now time.Time) error {
	switch wait := p.VolumeChanged.Add(volumeCoolDown).Sub(now); {
	case target <= p.VolumeGiB: // UNVERIFIED wording
		return badRequest("volumeSizeGB", "The volume size can only be increased. The current volume size is %d GiB.", p.VolumeGiB)
	case target-p.VolumeGiB < least:
		return badRequest("volumeSizeGB", "The minimum increase in storage size of the cluster should be atleast 100GB")
	case target > maxVolumeGiB: // UNVERIFIED wording
		return badRequest("volumeSizeGB", "The volume size can be at most %d GiB.", maxVolumeGiB)
	case wait > 0: // UNVERIFIED wording
		return badRequest("volumeSizeGB", "You can update the storage of the cluster only once in 6 hours. Try again in %s.", wait.Round(time.Minute))
	}
	return nil
}
