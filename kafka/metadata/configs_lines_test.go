package metadata

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func lineCluster(release int) *cluster {
	c := &cluster{Core: New(Params{Release: release})}
	c.do(RegisterBrokers{Brokers: []Broker{{ID: 1}}})
	c.create("t", 1, 1)
	return c
}

// TestTimestampsByLine: records of the future are refused since 4.0 alone, and
// message.timestamp.difference.max.ms holds until 3.9 (KIP-937, KIP-1030).
func TestTimestampsByLine(t *testing.T) {
	for release, want := range map[int]time.Duration{208: 0, 304: 0, 306: 0, 309: 0, 400: time.Hour, 401: time.Hour, 0: time.Hour} {
		c := lineCluster(release)
		if s := c.Image().TopicSettings(c.Image().Topic("t")); s.TimestampAfterMax != want || s.TimestampBeforeMax != 0 {
			t.Errorf("%d: after %s, before %s", release, s.TimestampAfterMax, s.TimestampBeforeMax)
		}
		const difference = "message.timestamp.difference.max.ms"
		r := c.alter(kmsg.ConfigResourceTypeTopic, "t", kmsg.IncrementalAlterConfigOpSet, difference, "5000")
		if refused := r.ErrorCode != 0; refused != (release >= 400 || release == 0) {
			t.Errorf("%d: %s: %d", release, difference, r.ErrorCode)
		}
		s := c.Image().TopicSettings(c.Image().Topic("t"))
		if r.ErrorCode == 0 && (s.TimestampAfterMax != 5*time.Second || s.TimestampBeforeMax != 5*time.Second) {
			t.Errorf("%d: difference of 5 s: after %s, before %s", release, s.TimestampAfterMax, s.TimestampBeforeMax)
		}
	}
}

// TestSettingsByLine: what else a line decides about topics, groups and features.
func TestSettingsByLine(t *testing.T) {
	for _, tt := range []struct {
		release              int
		strict, groups       bool
		segment              string // smallest segment.bytes that is taken
		feature, whole       int16  // UpdateFeatures of an unknown one: its error, and the request's
		expiry               time.Duration
		hiddenLocalRetention bool
	}{
		{release: 208, strict: true, segment: "14", feature: 95, expiry: 7 * 24 * time.Hour},
		{release: 304, strict: true, segment: "14", feature: 95, expiry: 24 * time.Hour, hiddenLocalRetention: true},
		{release: 309, segment: "14", feature: 95, expiry: 24 * time.Hour},
		{release: 401, groups: true, segment: "1048576", whole: 95, expiry: 24 * time.Hour},
	} {
		c := lineCluster(tt.release)
		s := c.Image().TopicSettings(c.Image().Topic("t"))
		if s.MinInsyncStrict != tt.strict || s.ProducerExpiry != tt.expiry {
			t.Errorf("%d: strict %t, producers expire after %s", tt.release, s.MinInsyncStrict, s.ProducerExpiry)
		}
		set := kmsg.IncrementalAlterConfigOpSet
		if r := c.alter(kmsg.ConfigResourceTypeGroupConfig, "g", set, "consumer.session.timeout.ms", "50000"); (r.ErrorCode == 0) != tt.groups {
			t.Errorf("%d: configs of groups: %d", tt.release, r.ErrorCode)
		}
		if r := c.alter(kmsg.ConfigResourceTypeTopic, "t", set, "segment.bytes", tt.segment); r.ErrorCode != 0 {
			t.Errorf("%d: segment.bytes %s: %d", tt.release, tt.segment, r.ErrorCode)
		}
		if tt.hiddenLocalRetention {
			if r := c.alter(kmsg.ConfigResourceTypeTopic, "t", set, "local.retention.ms", "7"); r.ErrorCode != 0 {
				t.Errorf("%d: local.retention.ms: %d", tt.release, r.ErrorCode)
			}
		}
		req := kmsg.NewPtrUpdateFeaturesRequest()
		req.Version = 1
		u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		u.Feature, u.MaxVersionLevel, u.UpgradeType = "no.such", 1, 1
		req.FeatureUpdates = append(req.FeatureUpdates, u)
		resp := c.do(req).(*kmsg.UpdateFeaturesResponse)
		if resp.ErrorCode != tt.whole || tt.feature != 0 && (len(resp.Results) != 1 || resp.Results[0].ErrorCode != tt.feature) {
			t.Errorf("%d: UpdateFeatures: %+v", tt.release, resp)
		}
	}
}
