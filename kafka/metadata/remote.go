package metadata

import (
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// checkRemoteStorage checks what a topic that is tiered may be, and that it
// stays so. Nothing is ever copied elsewhere: a tiered topic's records are on the
// brokers' disks until its retention ends, whatever its local retention.
// (KIP-405, KIP-950; apache/kafka LogConfig)
func (d *decision) checkRemoteStorage(before, after map[string]string) error {
	value := func(name string, configs map[string]string) string {
		c, _ := d.image.release.find(topicConfigs, name)
		return d.image.effective(c, configs, "")
	}
	is := func(name string, configs map[string]string) bool { return strings.EqualFold(configs[name], "true") }
	const enable = "remote.storage.enable"
	switch {
	case !is(enable, after):
		if is(enable, before) {
			return d.mayEndRemoteStorage(is("remote.log.delete.on.disable", after))
		}
		return nil
	case d.image.brokerValue("remote.log.storage.system.enable") != "true":
		return fail(kerr.InvalidConfig, "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	case strings.Contains(value("cleanup.policy", after), "compact"):
		if d.image.release >= k41 {
			return fail(kerr.InvalidConfig, "Remote log storage only supports topics with cleanup.policy=delete or cleanup.policy being an empty list.")
		}
		return fail(kerr.InvalidConfig, "Remote log storage is unsupported for the compacted topics")
	}
	for _, unit := range []string{"bytes", "ms"} {
		all, _ := strconv.ParseInt(value("retention."+unit, after), 10, 64) // both were checked
		local, _ := strconv.ParseInt(value("local.retention."+unit, after), 10, 64)
		switch {
		case all == -1 || local == -2:
		case local == -1:
			return fail(kerr.InvalidConfig, "Invalid value %d for configuration local.retention.%s: Value must not be -1 as retention.%s value is set as %d.", local, unit, unit, all)
		case local > all:
			return fail(kerr.InvalidConfig, "Invalid value %d for configuration local.retention.%s: Value must not be more than property: retention.%s value.", local, unit, unit)
		}
	}
	return nil
}

// mayEndRemoteStorage says whether a topic can stop to be tiered: since KIP-950,
// if what is elsewhere is to be deleted.
func (d *decision) mayEndRemoteStorage(deletes bool) error {
	switch {
	case d.image.release < k39:
		return fail(kerr.InvalidConfig, "Disabling remote storage feature on the topic level is not supported.")
	case !deletes:
		return fail(kerr.InvalidConfig, "It is invalid to disable remote storage without deleting remote data. If you want to keep the remote data and turn to read only, please set `remote.storage.enable=true,remote.log.copy.disable=true`. If you want to disable remote storage and delete all remote data, please set `remote.storage.enable=false,remote.log.delete.on.disable=true`.")
	}
	return nil
}
