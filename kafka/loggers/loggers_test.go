package loggers

import (
	"slices"
	"testing"
)

func TestLevelsAreInherited(t *testing.T) {
	l := New()
	check := func(name string, want Level) {
		t.Helper()
		if !l.Enabled(name, want) || l.Enabled(name, want-1) {
			t.Errorf("%s does not have level %s", name, Name(want))
		}
		at := slices.IndexFunc(l.List(), func(x Logger) bool { return x.Name == name })
		if at < 0 || l.List()[at].Level != want {
			t.Errorf("%s is not listed with level %s", name, Name(want))
		}
	}
	check(Root, Info)
	check("kafka.request.logger", Warn)
	l.Set("kafka", Fatal)
	check("kafka.server.KafkaApis", Fatal)
	check("kafka.request.logger", Warn)
	check("state.change.logger", Info)
	l.Unset("kafka.request.logger")
	check("kafka.request.logger", Fatal)
	l.Set(Root, Trace)
	l.Unset("kafka")
	l.Unset("state.change.logger")
	check("kafka.request.logger", Trace)
	check("state.change.logger", Trace)
	check("org.apache.kafka.raft.LeaderState", Info) // its own configuration stands between
	if !slices.IsSortedFunc(l.List(), func(a, b Logger) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) }) {
		t.Error("the list is not sorted")
	}
	if Exists("no.such") || Exists("") || !Exists(Root) || !Exists("kafka.server.KafkaApis") {
		t.Error("what exists is not known")
	}
}

func TestLevelNames(t *testing.T) {
	for _, name := range Levels() {
		if level, ok := ParseLevel(name); !ok || Name(level) != name {
			t.Errorf("%s is %s", name, Name(level))
		}
	}
	if _, ok := ParseLevel("OFF"); ok {
		t.Error("OFF is a level")
	}
	if Name(Warn+1) != "WARN" || Name(Trace-9) != "TRACE" {
		t.Errorf("between levels: %s, %s", Name(Warn+1), Name(Trace-9))
	}
}

// TestALoggersProcess: a broker that starts again has forgotten its levels, and no
// other has.
func TestALoggersProcess(t *testing.T) {
	var b Brokers
	b.Of(1).Set(Root, Debug)
	b.Of(2).Set(Root, Debug)
	b.Start(1)
	if b.Of(1).Enabled(Root, Debug) || !b.Of(2).Enabled(Root, Debug) {
		t.Error("the wrong broker has forgotten")
	}
}

// TestLoggersOfLinesExist: whoever reads a line can set the level of its logger.
func TestLoggersOfLinesExist(t *testing.T) {
	for _, name := range []string{
		"kafka.server.BrokerServer", "org.apache.kafka.common.utils.AppInfoParser", "kafka.network.DataPlaneAcceptor", "kafka.log.LogManager",
		"org.apache.kafka.controller.ReplicationControlManager", "org.apache.kafka.controller.ClusterControlManager", "state.change.logger",
		"kafka.cluster.Partition", "org.apache.kafka.coordinator.group.GroupMetadataManager", "kafka.server.ConfigAdminManager",
		"kafka.authorizer.logger", "kafka.request.logger", "org.apache.kafka.common.network.Selector", "kafka.network.SocketServer",
		"org.apache.kafka.storage.internals.log.LogCleaner",
	} {
		if !Exists(name) {
			t.Errorf("%s does not exist", name)
		}
	}
}
