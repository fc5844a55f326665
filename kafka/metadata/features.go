package metadata

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadataVersion is the feature that every KRaft cluster has a level of.
const metadataVersion = "metadata.version"

// Feature is a feature of a cluster's Kafka line that is built (KIP-584).
type Feature struct {
	Name    string `json:"name"`
	Min     int16  `json:"min"`
	Max     int16  `json:"max"`
	Default int16  `json:"default"` // the level of a cluster that nobody has set another for; 0: none
}

// features is the levels that were set, and how often any was.
type features struct {
	Format int              `json:"v"`
	Epoch  int64            `json:"epoch"`
	Levels map[string]int16 `json:"levels"`
}

// Level is the finalized level of a feature, 0 for none. One that was set when
// the brokers were of another version counts as far as they support it.
func (i *Image) Level(feature string) int16 {
	for _, f := range i.supported {
		if f.Name == feature {
			return i.level(f)
		}
	}
	return 0
}

func (i *Image) level(f Feature) int16 {
	level, set := i.features.Levels[f.Name]
	if !set {
		return f.Default
	}
	return min(max(level, f.Min), f.Max)
}

// FinalizedFeatures is the level of every feature that has one, and an epoch
// that grows with every change.
func (i *Image) FinalizedFeatures() (epoch int64, levels map[string]int16) {
	levels = make(map[string]int16, len(i.supported))
	for _, f := range i.supported {
		if level := i.level(f); level > 0 {
			levels[f.Name] = level
		}
	}
	return i.features.Epoch, levels
}

// Upgrade types of UpdateFeatures (KIP-778).
const (
	upgrade         = 1
	safeDowngrade   = 2
	unsafeDowngrade = 3
)

// updateFeatures changes levels, all or none. Before 4.0 each feature has an
// error of its own and the others change.
func (d *decision) updateFeatures(req *kmsg.UpdateFeaturesRequest) *kmsg.UpdateFeaturesResponse {
	resp := req.ResponseKind().(*kmsg.UpdateFeaturesResponse)
	resp.Results = []kmsg.UpdateFeaturesResponseResult{}
	next := features{Format: eventFormat, Epoch: d.image.features.Epoch + 1, Levels: maps.Clone(d.image.features.Levels)}
	if next.Levels == nil {
		next.Levels = make(map[string]int16)
	}
	for _, u := range req.FeatureUpdates {
		kind := u.UpgradeType
		if req.Version < 1 {
			if kind = upgrade; u.AllowDowngrade {
				kind = safeDowngrade
			}
		}
		if err := d.checkLevel(u.Feature, u.MaxVersionLevel, kind); err != nil {
			code, text := wire(err)
			if d.image.release < k40 {
				resp.Results = append(resp.Results, kmsg.UpdateFeaturesResponseResult{Feature: u.Feature, ErrorCode: code, ErrorMessage: text})
				continue
			}
			resp.ErrorCode = code
			resp.ErrorMessage = kmsg.StringPtr("The update failed for all features since the following feature had an error: " + *text)
			return resp
		}
		next.Levels[u.Feature] = u.MaxVersionLevel
		if d.image.release < k40 {
			resp.Results = append(resp.Results, kmsg.UpdateFeaturesResponseResult{Feature: u.Feature})
		}
	}
	if !req.ValidateOnly && !maps.Equal(next.Levels, d.image.features.Levels) {
		d.add(featuresKey, next)
	}
	if d.image.release < k40 {
		resp.ErrorMessage = kmsg.StringPtr("")
		return resp
	}
	for _, u := range req.FeatureUpdates {
		if req.Version < 2 {
			resp.Results = append(resp.Results, kmsg.UpdateFeaturesResponseResult{Feature: u.Feature, ErrorMessage: kmsg.StringPtr("NONE")})
		}
	}
	return resp
}

// checkLevel is Kafka's FeatureControlManager.updateFeature.
func (d *decision) checkLevel(name string, level int16, kind int8) error {
	invalid := func(format string, args ...any) error {
		text := fail(kerr.InvalidUpdateVersion, format, args...).(*failure).text
		return fail(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. %s", level, name, text)
	}
	at := slices.IndexFunc(d.image.supported, func(f Feature) bool { return f.Name == name })
	current := d.image.Level(name)
	switch {
	case kind < upgrade || kind > unsafeDowngrade:
		return invalid("The controller does not support the given upgrade type.")
	case level < 0:
		return invalid("A feature version cannot be less than 0.")
	case at < 0 && level != 0:
		return invalid("Local controller %d does not support this feature.", d.image.ControllerID)
	case at < 0:
		return invalid("Feature %s not found.", name)
	}
	f := d.image.supported[at]
	switch {
	case level < f.Min || level > f.Max:
		return invalid("Local controller %d only supports versions %d-%d", d.image.ControllerID, f.Min, f.Max)
	case level < current && kind == upgrade:
		return invalid("Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.")
	case level > current && kind != upgrade:
		return invalid("Can't downgrade to a newer version.")
	}
	if name == metadataVersion && level < current {
		return checkMetadataDowngrade(level, current, kind)
	}
	return nil
}

// unchanged is the levels of metadata.version that added no record or field to
// what the level before it wrote: a downgrade from them loses nothing
// (apache/kafka MetadataVersion).
var unchanged = []int16{9, 10, 12, 16, 18, 19, 20, 21, 22, 24, 25, 26, 27}

func checkMetadataDowngrade(level, current int16, kind int8) error {
	for l := current; l > level; l-- {
		if slices.Contains(unchanged, l) {
			continue
		}
		if kind == unsafeDowngrade {
			return fail(kerr.InvalidUpdateVersion, "Invalid metadata.version %d. Unsafe metadata downgrade is not supported in this version.", level)
		}
		return fail(kerr.InvalidUpdateVersion, "Invalid metadata.version %d. Refusing to perform the requested downgrade because it might delete metadata information.", level)
	}
	return nil
}
