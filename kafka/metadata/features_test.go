package metadata

import (
	"maps"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestUpdateFeatures holds what Kafka 4.1.1 answered to the same requests.
func TestUpdateFeatures(t *testing.T) {
	c := &cluster{Core: New(Params{ControllerID: 1, Features: []Feature{
		{"group.version", 0, 1, 1}, {"metadata.version", 7, 27, 27}, {"transaction.version", 0, 2, 2},
	}})}
	update := func(validate bool, version int16, updates ...kmsg.UpdateFeaturesRequestFeatureUpdate) *kmsg.UpdateFeaturesResponse {
		req := kmsg.NewPtrUpdateFeaturesRequest()
		req.Version, req.ValidateOnly, req.FeatureUpdates = version, validate, updates
		return c.do(req).(*kmsg.UpdateFeaturesResponse)
	}
	to := func(name string, level int16, kind int8) kmsg.UpdateFeaturesRequestFeatureUpdate {
		return kmsg.UpdateFeaturesRequestFeatureUpdate{Feature: name, MaxVersionLevel: level, UpgradeType: kind}
	}
	const prefix = "INVALID_UPDATE_VERSION: The update failed for all features since the following feature had an error: "
	for _, try := range []struct {
		update kmsg.UpdateFeaturesRequestFeatureUpdate
		want   string
	}{
		{to("metadata.version", 27, upgrade), "ok"},
		{to("nope", 1, upgrade), prefix + "Invalid update version 1 for feature nope. Local controller 1 does not support this feature."},
		{to("nope", 0, upgrade), prefix + "Invalid update version 0 for feature nope. Feature nope not found."},
		{to("group.version", 5, upgrade), prefix + "Invalid update version 5 for feature group.version. Local controller 1 only supports versions 0-1"},
		{to("group.version", 1, upgrade), "ok"},
		{to("group.version", 0, upgrade), prefix + "Invalid update version 0 for feature group.version. Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."},
		{to("group.version", 0, safeDowngrade), "ok"},
		{to("group.version", 0, unsafeDowngrade), "ok"},
		{to("group.version", 1, 9), prefix + "Invalid update version 1 for feature group.version. The controller does not support the given upgrade type."},
		{to("group.version", 1, 0), prefix + "Invalid update version 1 for feature group.version. The controller does not support the given upgrade type."},
		{to("group.version", -1, upgrade), prefix + "Invalid update version -1 for feature group.version. A feature version cannot be less than 0."},
		{to("metadata.version", 3, safeDowngrade), prefix + "Invalid update version 3 for feature metadata.version. Local controller 1 only supports versions 7-27"},
		{to("metadata.version", 7, safeDowngrade), prefix + "Invalid metadata.version 7. Refusing to perform the requested downgrade because it might delete metadata information."},
		{to("metadata.version", 7, unsafeDowngrade), prefix + "Invalid metadata.version 7. Unsafe metadata downgrade is not supported in this version."},
		{to("metadata.version", 25, safeDowngrade), "ok"},
		{to("metadata.version", 26, upgrade), prefix + "Invalid update version 26 for feature metadata.version. Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."},
		{to("metadata.version", 28, upgrade), prefix + "Invalid update version 28 for feature metadata.version. Local controller 1 only supports versions 7-27"},
	} {
		r := update(true, 2, try.update)
		if got := said(r.ErrorCode, r.ErrorMessage); got != try.want {
			t.Errorf("%+v: %s\nwant %s", try.update, got, try.want)
		}
	}
	if len(c.log) != 0 {
		t.Error("a validation wrote events")
	}

	r := update(false, 1, to("metadata.version", 25, safeDowngrade), to("transaction.version", 0, safeDowngrade))
	if r.ErrorCode != 0 || len(r.Results) != 2 {
		t.Errorf("answered %+v", r)
	}
	r = update(false, 2, to("group.version", 0, safeDowngrade), to("transaction.version", 9, upgrade))
	if r.ErrorCode == 0 {
		t.Error("one bad level of two was taken")
	}
	epoch, levels := c.Image().FinalizedFeatures()
	if want := map[string]int16{"group.version": 1, "metadata.version": 25}; epoch != 1 || !maps.Equal(levels, want) {
		t.Errorf("epoch %d, levels %v", epoch, levels)
	}
	if r := update(false, 2, to("metadata.version", 26, safeDowngrade)); r.ErrorCode == 0 {
		t.Error("downgraded to a newer level")
	}

	older := New(Params{Features: []Feature{{"metadata.version", 7, 21, 21}}})
	for _, e := range c.log {
		older.Apply(e, c.now())
	}
	if got := older.Image().Level("metadata.version"); got != 21 {
		t.Errorf("an older line has level %d", got)
	}
}
