//go:build e2e

package differential

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var versionScripts = []script{
	{"api versions", func(s *session) {
		c := s.conn("a client")
		for v := int16(0); v <= kmsg.NewPtrApiVersionsRequest().MaxVersion(); v++ {
			req := in(v, kmsg.NewPtrApiVersionsRequest())
			req.ClientSoftwareName, req.ClientSoftwareVersion = "a-client", "1.0"
			ask[*kmsg.ApiVersionsResponse](c, "good", req)
		}
		for _, name := range []string{"", "-a", "a-", "a b", "a.b", "Ü", "_"} {
			for v := int16(3); v <= s.last(18); v++ {
				req := in(v, kmsg.NewPtrApiVersionsRequest())
				req.ClientSoftwareName, req.ClientSoftwareVersion = name, "1.0"
				ask[*kmsg.ApiVersionsResponse](s.conn("name"), step("software name %q", name), req)
				req.ClientSoftwareName, req.ClientSoftwareVersion = "a", name
				ask[*kmsg.ApiVersionsResponse](s.conn("name"), step("software version %q", name), req)
			}
		}
		req := rawly(in(3, kmsg.NewPtrApiVersionsRequest()), 99)
		askRaw(c, "a version of the future", req)
		s.alive("and on the same connection", c)
		askRaw(s.conn("short"), "a body that is too short", rawly(in(3, kmsg.NewPtrApiVersionsRequest()), 3).with(5))
		askRaw(s.conn("long"), "a body that is too long", rawly(in(0, kmsg.NewPtrApiVersionsRequest()), 0).with(5, 6, 7))
	}},
	{"unknown versions", func(s *session) {
		for _, key := range slices.Sorted(maps.Keys(s.ranges)) {
			if key == 18 {
				continue // answered in any version
			}
			r := s.ranges[key]
			for _, v := range []int16{-1, r.Min - 1, r.Max + 1, 99} {
				req := kmsg.RequestForKey(key)
				req.SetVersion(max(0, min(v, req.MaxVersion())))
				askRaw(s.conn("unknown"), step("version %d", v), rawly(req, v).with(make([]byte, 64)...))
			}
		}
	}},
	{"unknown keys", func(s *session) {
		for _, key := range []int16{-1, 4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 93, 500} {
			req := rawly(in(0, kmsg.NewPtrApiVersionsRequest()), 0)
			req.key = key
			askRaw(s.conn("unknown"), step("key %d", key), req.with(make([]byte, 64)...))
		}
	}},
	{"broken bodies", func(s *session) {
		for _, key := range slices.Sorted(maps.Keys(s.ranges)) {
			for _, v := range s.versions(key) {
				req := in(v, kmsg.RequestForKey(key))
				whole := req.AppendTo(nil)
				if len(whole) == 0 || key == 0 && v < 3 {
					continue
				}
				askRaw(s.conn("cut"), step("without the last byte"), rawly(req, v).with(whole[:len(whole)-1]...))
				askRaw(s.conn("empty"), step("without a body"), rawly(req, v))
			}
		}
	}},
}

var clusterScripts = []script{
	{"metadata of nothing", func(s *session) {
		c := s.conn("c")
		for _, v := range s.versions(3) {
			req := in(v, kmsg.NewPtrMetadataRequest())
			req.Topics = []kmsg.MetadataRequestTopic{}
			ask[*kmsg.MetadataResponse](c, "no topics", req)
			for _, name := range []string{"missing", "", "in valid", ".", "..", "ü", "__consumer_offsets2"} {
				req.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
				req.AllowAutoTopicCreation = false
				req.IncludeClusterAuthorizedOperations, req.IncludeTopicAuthorizedOperations = false, false
				ask[*kmsg.MetadataResponse](c, step("topic %q", name), req)
				req.AllowAutoTopicCreation = true
				req.IncludeClusterAuthorizedOperations, req.IncludeTopicAuthorizedOperations = true, true
				ask[*kmsg.MetadataResponse](c, step("topic %q, created and with operations", name), req)
				req.Topics = append(req.Topics, req.Topics[0])
				ask[*kmsg.MetadataResponse](c, step("topic %q twice", name), req)
			}
			if v >= 10 {
				req.Topics = []kmsg.MetadataRequestTopic{{TopicID: [16]byte{15: 9}}}
				ask[*kmsg.MetadataResponse](c, "an id that is not there", req)
				req.Topics = []kmsg.MetadataRequestTopic{{}}
				ask[*kmsg.MetadataResponse](c, "neither id nor name", req)
				req.Topics = []kmsg.MetadataRequestTopic{{TopicID: [16]byte{15: 9}, Topic: pointer("both")}}
				ask[*kmsg.MetadataResponse](c, "id and name", req)
				req.Topics = []kmsg.MetadataRequestTopic{{TopicID: [16]byte{15: 9}}, {Topic: pointer("missing")}}
				ask[*kmsg.MetadataResponse](c, "an id and a name", req)
				req.Topics = []kmsg.MetadataRequestTopic{{TopicID: [16]byte{15: 1}}}
				ask[*kmsg.MetadataResponse](c, "the metadata topic's id", req)
			}
		}
	}},
	{"describe cluster", func(s *session) {
		for _, v := range s.versions(60) {
			for _, endpoints := range []int8{0, 1, 2, 3} {
				for _, flag := range []bool{false, true} {
					req := in(v, kmsg.NewPtrDescribeClusterRequest())
					req.EndpointType, req.IncludeClusterAuthorizedOperations, req.IncludeFencedBrokers = endpoints, flag, flag
					ask[*kmsg.DescribeClusterResponse](s.conn("c"), step("endpoint type %d, flags %t", endpoints, flag), req)
				}
			}
		}
	}},
}
