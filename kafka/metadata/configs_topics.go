package metadata

// topicConfigs is every topic config of Kafka 2.8 to 4.1, by name and then by
// line: apache/kafka LogConfig and ServerTopicConfigSynonyms.
// What is marked whenSet is taken and never shown.
var topicConfigs = []config{
	{name: "cleanup.policy", kind: typeList, value: "delete", broker: []string{"log.cleanup.policy"}, takes: oneOf("compact", "delete"), doc: "What happens to old segments: delete, compact or both."},
	{name: "compression.gzip.level", since: k38, kind: typeInt, value: "-1", broker: []string{"compression.gzip.level"}, takes: gzipLevels, doc: "Level for gzip when the broker compresses with it."},
	{name: "compression.lz4.level", since: k38, kind: typeInt, value: "9", broker: []string{"compression.lz4.level"}, takes: between(1, 17), doc: "Level for lz4 when the broker compresses with it."},
	{name: "compression.type", kind: typeString, value: "producer", broker: []string{"compression.type"}, takes: codecs, doc: "Codec that the topic is stored with; producer keeps what was sent."},
	{name: "compression.zstd.level", since: k38, kind: typeInt, value: "3", broker: []string{"compression.zstd.level"}, takes: between(-131072, 22), doc: "Level for zstd when the broker compresses with it."},
	{name: "delete.retention.ms", kind: typeLong, value: "86400000", broker: []string{"log.cleaner.delete.retention.ms"}, takes: atLeast(0), doc: "How long tombstones are kept when the topic is compacted."},
	{name: "file.delete.delay.ms", kind: typeLong, value: "60000", broker: []string{"log.segment.delete.delay.ms"}, takes: atLeast(0), doc: "Wait before files of deleted segments are removed."},
	{name: "flush.messages", last: k28, kind: typeLong, value: longMax, broker: []string{"log.flush.interval.messages"}, takes: atLeast(0), doc: "Records after which the log is flushed."},
	{name: "flush.messages", since: k34, kind: typeLong, value: longMax, broker: []string{"log.flush.interval.messages"}, takes: atLeast(1), doc: "Records after which the log is flushed."},
	{name: "flush.ms", kind: typeLong, value: longMax, broker: []string{"log.flush.interval.ms", "log.flush.scheduler.interval.ms"}, takes: atLeast(0), doc: "Time after which the log is flushed."},
	{name: "follower.replication.throttled.replicas", kind: typeList, value: "", takes: throttledReplicas, doc: "Replicas that replicate under the follower quota, as partition:broker, or *."},
	{name: "index.interval.bytes", kind: typeInt, value: "4096", broker: []string{"log.index.interval.bytes"}, takes: atLeast(0), doc: "Bytes of records between two index entries."},
	{name: "internal.segment.bytes", since: k41, kind: typeInt, value: unsetConfig, update: whenSet, doc: "Largest segment, without the lower bound of segment.bytes: for tests."},
	{name: "leader.replication.throttled.replicas", kind: typeList, value: "", takes: throttledReplicas, doc: "Replicas that replicate under the leader quota, as partition:broker, or *."},
	{name: "local.retention.bytes", since: k34, last: k35, kind: typeLong, value: "-2", update: whenSet, takes: atLeast(-2), doc: "Bytes of a tiered partition that stay on local disk; -2 as retention.bytes."},
	{name: "local.retention.bytes", since: k36, kind: typeLong, value: "-2", broker: []string{"log.local.retention.bytes"}, takes: atLeast(-2), doc: "Bytes of a tiered partition that stay on local disk; -2 as retention.bytes."},
	{name: "local.retention.ms", since: k34, last: k35, kind: typeLong, value: "-2", update: whenSet, takes: atLeast(-2), doc: "Time that records of a tiered partition stay on local disk; -2 as retention.ms."},
	{name: "local.retention.ms", since: k36, kind: typeLong, value: "-2", broker: []string{"log.local.retention.ms"}, takes: atLeast(-2), doc: "Time that records of a tiered partition stay on local disk; -2 as retention.ms."},
	{name: "max.compaction.lag.ms", kind: typeLong, value: longMax, broker: []string{"log.cleaner.max.compaction.lag.ms"}, takes: atLeast(1), doc: "Longest time that a record stays uncompacted."},
	{name: "max.message.bytes", kind: typeInt, value: "1048588", broker: []string{"message.max.bytes"}, takes: atLeast(0), doc: "Largest batch of records."},
	{name: "message.downconversion.enable", last: k39, kind: typeBool, value: "true", broker: []string{"log.message.downconversion.enable"}, doc: "Whether records are converted to older formats for consumers of old."},
	{name: "message.format.version", last: k28, kind: typeString, value: "2.8-IV1", broker: []string{"log.message.format.version"}, doc: "Version of the record format that the topic was to be stored in."},
	{name: "message.format.version", since: k34, last: k39, kind: typeString, value: "3.0-IV1", broker: []string{"log.message.format.version"}, doc: "Version of the record format that the topic was to be stored in."},
	{name: "message.timestamp.after.max.ms", since: k36, last: k39, kind: typeLong, value: longMax, broker: []string{"log.message.timestamp.after.max.ms"}, takes: atLeast(0), doc: "How far a record's timestamp may be ahead of the broker's clock."},
	{name: "message.timestamp.after.max.ms", since: k40, kind: typeLong, value: "3600000", broker: []string{"log.message.timestamp.after.max.ms"}, takes: atLeast(0), doc: "How far a record's timestamp may be ahead of the broker's clock."},
	{name: "message.timestamp.before.max.ms", since: k36, kind: typeLong, value: longMax, broker: []string{"log.message.timestamp.before.max.ms"}, takes: atLeast(0), doc: "How far a record's timestamp may be behind the broker's clock."},
	{name: "message.timestamp.difference.max.ms", last: k39, kind: typeLong, value: longMax, broker: []string{"log.message.timestamp.difference.max.ms"}, takes: atLeast(0), doc: "How far a record's timestamp may be from the broker's clock."},
	{name: "message.timestamp.type", kind: typeString, value: "CreateTime", broker: []string{"log.message.timestamp.type"}, takes: oneOf("CreateTime", "LogAppendTime"), doc: "Whether records carry the time of creation or of append."},
	{name: "min.cleanable.dirty.ratio", kind: typeDouble, value: "0.5", broker: []string{"log.cleaner.min.cleanable.ratio"}, takes: between(0, 1), doc: "Share of dirty bytes from which the log is compacted."},
	{name: "min.compaction.lag.ms", kind: typeLong, value: "0", broker: []string{"log.cleaner.min.compaction.lag.ms"}, takes: atLeast(0), doc: "Shortest time that a record stays uncompacted."},
	{name: "min.insync.replicas", kind: typeInt, value: "1", broker: []string{"min.insync.replicas"}, takes: atLeast(1), doc: "In-sync replicas that a write with acks=all needs."},
	{name: "preallocate", kind: typeBool, value: "false", broker: []string{"log.preallocate"}, doc: "Whether files of new segments are allocated in full."},
	{name: "remote.log.copy.disable", since: k39, kind: typeBool, value: "false", doc: "Whether a tiered topic stops copying new segments."},
	{name: "remote.log.delete.on.disable", since: k39, kind: typeBool, value: "false", doc: "Whether tiered data is deleted when tiering is disabled."},
	{name: "remote.storage.enable", since: k34, last: k35, kind: typeBool, value: "false", update: whenSet, doc: "Whether the topic is tiered."},
	{name: "remote.storage.enable", since: k36, kind: typeBool, value: "false", doc: "Whether the topic is tiered."},
	{name: "retention.bytes", kind: typeLong, value: "-1", broker: []string{"log.retention.bytes"}, doc: "Bytes of a partition beyond which old segments are deleted; -1 no limit."},
	{name: "retention.ms", kind: typeLong, value: "604800000", broker: []string{"log.retention.ms", "log.retention.minutes", "log.retention.hours"}, takes: atLeast(-1), doc: "Age at which segments are deleted; -1 never."},
	{name: "segment.bytes", last: k40, kind: typeInt, value: "1073741824", broker: []string{"log.segment.bytes"}, takes: atLeast(14), doc: "Largest segment."},
	{name: "segment.bytes", since: k41, kind: typeInt, value: "1073741824", broker: []string{"log.segment.bytes"}, takes: atLeast(1048576), doc: "Largest segment."},
	{name: "segment.index.bytes", last: k28, kind: typeInt, value: "10485760", broker: []string{"log.index.size.max.bytes"}, takes: atLeast(0), doc: "Largest offset index."},
	{name: "segment.index.bytes", since: k34, kind: typeInt, value: "10485760", broker: []string{"log.index.size.max.bytes"}, takes: atLeast(4), doc: "Largest offset index."},
	{name: "segment.jitter.ms", kind: typeLong, value: "0", broker: []string{"log.roll.jitter.ms", "log.roll.jitter.hours"}, takes: atLeast(0), doc: "Most milliseconds taken off the age of rolling."},
	{name: "segment.ms", kind: typeLong, value: "604800000", broker: []string{"log.roll.ms", "log.roll.hours"}, takes: atLeast(1), doc: "Age at which a new segment begins."},
	{name: "unclean.leader.election.enable", kind: typeBool, value: "false", broker: []string{"unclean.leader.election.enable"}, doc: "Whether a replica that is not in sync may lead when no other can."},
}

// serverlessConfigs is what topics of MSK Serverless may set; the value says
// whether it may be changed after creation.
var serverlessConfigs = map[string]bool{
	"cleanup.policy": false, "compression.type": true, "max.message.bytes": true,
	"message.timestamp.difference.max.ms": true, "message.timestamp.type": true, "retention.bytes": true, "retention.ms": true,
}

// serverlessMaxMessage is MSK Serverless's largest max.message.bytes.
const serverlessMaxMessage = 8388608
