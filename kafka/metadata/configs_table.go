package metadata

// configType is the type number of DescribeConfigs.
type configType int8

const (
	typeBool   configType = 1
	typeString configType = 2
	typeInt    configType = 3
	typeLong   configType = 5
	typeDouble configType = 6
	typeList   configType = 7
	typeClass  configType = 8
)

// config is one config key of Kafka 4.1: apache/kafka TopicConfig,
// ServerLogConfigs, ReplicationConfigs, SocketServerConfigs, GroupCoordinatorConfig.
type config struct {
	name   string
	kind   configType
	value  string   // Kafka's default
	broker []string // of a topic config: the broker keys it inherits from, nearest first
	min    int64    // of numbers
	max    int64    // of numbers; 0 for none
	oneOf  []string // of strings and lists
	static bool     // of a broker config: cannot be changed while brokers run
}

const longMax = "9223372036854775807"

// topicConfigs is every topic config, by name.
var topicConfigs = []config{
	{name: "cleanup.policy", kind: typeList, value: "delete", broker: []string{"log.cleanup.policy"}, oneOf: []string{"compact", "delete"}},
	{name: "compression.gzip.level", kind: typeInt, value: "-1", broker: []string{"compression.gzip.level"}, min: -1, max: 9},
	{name: "compression.lz4.level", kind: typeInt, value: "9", broker: []string{"compression.lz4.level"}, min: 1, max: 17},
	{name: "compression.type", kind: typeString, value: "producer", broker: []string{"compression.type"}, oneOf: []string{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}},
	{name: "compression.zstd.level", kind: typeInt, value: "3", broker: []string{"compression.zstd.level"}, min: -131072, max: 22},
	{name: "delete.retention.ms", kind: typeLong, value: "86400000", broker: []string{"log.cleaner.delete.retention.ms"}},
	{name: "file.delete.delay.ms", kind: typeLong, value: "60000", broker: []string{"log.segment.delete.delay.ms"}},
	{name: "flush.messages", kind: typeLong, value: longMax, broker: []string{"log.flush.interval.messages"}, min: 1},
	{name: "flush.ms", kind: typeLong, value: longMax, broker: []string{"log.flush.interval.ms"}},
	{name: "follower.replication.throttled.replicas", kind: typeList, value: ""},
	{name: "index.interval.bytes", kind: typeInt, value: "4096", broker: []string{"log.index.interval.bytes"}},
	{name: "leader.replication.throttled.replicas", kind: typeList, value: ""},
	{name: "local.retention.bytes", kind: typeLong, value: "-2", broker: []string{"log.local.retention.bytes"}, min: -2},
	{name: "local.retention.ms", kind: typeLong, value: "-2", broker: []string{"log.local.retention.ms"}, min: -2},
	{name: "max.compaction.lag.ms", kind: typeLong, value: longMax, broker: []string{"log.cleaner.max.compaction.lag.ms"}, min: 1},
	{name: "max.message.bytes", kind: typeInt, value: "1048588", broker: []string{"message.max.bytes"}},
	{name: "message.timestamp.after.max.ms", kind: typeLong, value: "3600000", broker: []string{"log.message.timestamp.after.max.ms"}},
	{name: "message.timestamp.before.max.ms", kind: typeLong, value: longMax, broker: []string{"log.message.timestamp.before.max.ms"}},
	{name: "message.timestamp.type", kind: typeString, value: "CreateTime", broker: []string{"log.message.timestamp.type"}, oneOf: []string{"CreateTime", "LogAppendTime"}},
	{name: "min.cleanable.dirty.ratio", kind: typeDouble, value: "0.5", broker: []string{"log.cleaner.min.cleanable.ratio"}, max: 1},
	{name: "min.compaction.lag.ms", kind: typeLong, value: "0", broker: []string{"log.cleaner.min.compaction.lag.ms"}},
	{name: "min.insync.replicas", kind: typeInt, value: "1", broker: []string{"min.insync.replicas"}, min: 1},
	{name: "preallocate", kind: typeBool, value: "false", broker: []string{"log.preallocate"}},
	{name: "remote.log.copy.disable", kind: typeBool, value: "false"},
	{name: "remote.log.delete.on.disable", kind: typeBool, value: "false"},
	{name: "remote.storage.enable", kind: typeBool, value: "false"},
	{name: "retention.bytes", kind: typeLong, value: "-1", broker: []string{"log.retention.bytes"}, min: -1},
	{name: "retention.ms", kind: typeLong, value: "604800000", broker: []string{"log.retention.ms", "log.retention.minutes", "log.retention.hours"}, min: -1},
	{name: "segment.bytes", kind: typeInt, value: "1073741824", broker: []string{"log.segment.bytes"}, min: 14},
	{name: "segment.index.bytes", kind: typeInt, value: "10485760", broker: []string{"log.index.size.max.bytes"}, min: 4},
	{name: "segment.jitter.ms", kind: typeLong, value: "0", broker: []string{"log.roll.jitter.ms", "log.roll.jitter.hours"}},
	{name: "segment.ms", kind: typeLong, value: "604800000", broker: []string{"log.roll.ms", "log.roll.hours"}, min: 1},
	{name: "unclean.leader.election.enable", kind: typeBool, value: "false", broker: []string{"unclean.leader.election.enable"}},
}

// unsetConfig marks broker configs that have no default of their own.
const unsetConfig = "\x00"

// brokerConfigs is the broker configs that an embedded broker knows, by name.
var brokerConfigs = []config{
	{name: "allow.everyone.if.no.acl.found", kind: typeBool, value: "false", static: true},
	{name: "auto.create.topics.enable", kind: typeBool, value: "true", static: true},
	{name: "auto.leader.rebalance.enable", kind: typeBool, value: "true", static: true},
	{name: "compression.gzip.level", kind: typeInt, value: "-1", min: -1, max: 9},
	{name: "compression.lz4.level", kind: typeInt, value: "9", min: 1, max: 17},
	{name: "compression.type", kind: typeString, value: "producer", oneOf: []string{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}},
	{name: "compression.zstd.level", kind: typeInt, value: "3", min: -131072, max: 22},
	{name: "connections.max.idle.ms", kind: typeLong, value: "600000", static: true},
	{name: "connections.max.reauth.ms", kind: typeLong, value: "0", static: true},
	{name: "controller.quota.window.num", kind: typeInt, value: "11", min: 1, static: true},
	{name: "controller.quota.window.size.seconds", kind: typeInt, value: "1", min: 1, static: true},
	{name: "default.replication.factor", kind: typeInt, value: "1", min: 1, static: true},
	{name: "delete.topic.enable", kind: typeBool, value: "true", static: true},
	{name: "fetch.max.bytes", kind: typeInt, value: "57671680", min: 1024, static: true},
	{name: "group.initial.rebalance.delay.ms", kind: typeInt, value: "3000", static: true},
	{name: "group.max.session.timeout.ms", kind: typeInt, value: "1800000", static: true},
	{name: "group.max.size", kind: typeInt, value: "2147483647", min: 1, static: true},
	{name: "group.min.session.timeout.ms", kind: typeInt, value: "6000", static: true},
	{name: "log.cleaner.delete.retention.ms", kind: typeLong, value: "86400000"},
	{name: "log.cleaner.max.compaction.lag.ms", kind: typeLong, value: longMax, min: 1},
	{name: "log.cleaner.min.cleanable.ratio", kind: typeDouble, value: "0.5", max: 1},
	{name: "log.cleaner.min.compaction.lag.ms", kind: typeLong, value: "0"},
	{name: "log.cleanup.policy", kind: typeList, value: "delete", oneOf: []string{"compact", "delete"}},
	{name: "log.flush.interval.messages", kind: typeLong, value: longMax, min: 1},
	{name: "log.flush.interval.ms", kind: typeLong, value: unsetConfig},
	{name: "log.index.interval.bytes", kind: typeInt, value: "4096"},
	{name: "log.index.size.max.bytes", kind: typeInt, value: "10485760", min: 4},
	{name: "log.local.retention.bytes", kind: typeLong, value: "-2", min: -2},
	{name: "log.local.retention.ms", kind: typeLong, value: "-2", min: -2},
	{name: "log.message.timestamp.after.max.ms", kind: typeLong, value: "3600000"},
	{name: "log.message.timestamp.before.max.ms", kind: typeLong, value: longMax},
	{name: "log.message.timestamp.difference.max.ms", kind: typeLong, value: longMax},
	{name: "log.message.timestamp.type", kind: typeString, value: "CreateTime", oneOf: []string{"CreateTime", "LogAppendTime"}},
	{name: "log.preallocate", kind: typeBool, value: "false"},
	{name: "log.retention.bytes", kind: typeLong, value: "-1", min: -1},
	{name: "log.retention.check.interval.ms", kind: typeLong, value: "300000", min: 1, static: true},
	{name: "log.retention.hours", kind: typeInt, value: "168", min: -1, static: true},
	{name: "log.retention.minutes", kind: typeInt, value: unsetConfig, min: -1, static: true},
	{name: "log.retention.ms", kind: typeLong, value: unsetConfig, min: -1},
	{name: "log.roll.hours", kind: typeInt, value: "168", min: 1, static: true},
	{name: "log.roll.jitter.hours", kind: typeInt, value: "0", static: true},
	{name: "log.roll.jitter.ms", kind: typeLong, value: unsetConfig},
	{name: "log.roll.ms", kind: typeLong, value: unsetConfig, min: 1},
	{name: "log.segment.bytes", kind: typeInt, value: "1073741824", min: 14},
	{name: "log.segment.delete.delay.ms", kind: typeLong, value: "60000"},
	{name: "max.connection.creation.rate", kind: typeInt, value: "2147483647"},
	{name: "max.connections.per.ip", kind: typeInt, value: "2147483647"},
	{name: "max.connections.per.ip.overrides", kind: typeString, value: ""},
	{name: "max.incremental.fetch.session.cache.slots", kind: typeInt, value: "1000", static: true},
	{name: "message.max.bytes", kind: typeInt, value: "1048588"},
	{name: "min.insync.replicas", kind: typeInt, value: "1", min: 1},
	{name: "num.io.threads", kind: typeInt, value: "8", min: 1},
	{name: "num.network.threads", kind: typeInt, value: "3", min: 1},
	{name: "num.partitions", kind: typeInt, value: "1", min: 1, static: true},
	{name: "num.recovery.threads.per.data.dir", kind: typeInt, value: "2", min: 1},
	{name: "num.replica.fetchers", kind: typeInt, value: "1", min: 1},
	{name: "offset.metadata.max.bytes", kind: typeInt, value: "4096", static: true},
	{name: "offsets.retention.check.interval.ms", kind: typeLong, value: "600000", min: 1, static: true},
	{name: "offsets.retention.minutes", kind: typeInt, value: "10080", min: 1, static: true},
	{name: "offsets.topic.num.partitions", kind: typeInt, value: "50", min: 1, static: true},
	{name: "offsets.topic.replication.factor", kind: typeInt, value: "3", min: 1, static: true},
	{name: "offsets.topic.segment.bytes", kind: typeInt, value: "104857600", min: 1, static: true},
	{name: "producer.id.expiration.ms", kind: typeInt, value: "86400000", min: 1},
	{name: "quota.window.num", kind: typeInt, value: "11", min: 1, static: true},
	{name: "quota.window.size.seconds", kind: typeInt, value: "1", min: 1, static: true},
	{name: "replica.fetch.max.bytes", kind: typeInt, value: "1048576", static: true},
	{name: "replica.fetch.response.max.bytes", kind: typeInt, value: "10485760", static: true},
	{name: "replica.lag.time.max.ms", kind: typeLong, value: "30000", static: true},
	{name: "replica.selector.class", kind: typeString, value: unsetConfig, static: true},
	{name: "replica.socket.receive.buffer.bytes", kind: typeInt, value: "65536", static: true},
	{name: "socket.receive.buffer.bytes", kind: typeInt, value: "102400", min: -1, static: true},
	{name: "socket.request.max.bytes", kind: typeInt, value: "104857600", min: 1, static: true},
	{name: "socket.send.buffer.bytes", kind: typeInt, value: "102400", min: -1, static: true},
	{name: "transaction.max.timeout.ms", kind: typeInt, value: "900000", min: 1, static: true},
	{name: "transaction.state.log.min.isr", kind: typeInt, value: "2", min: 1, static: true},
	{name: "transaction.state.log.num.partitions", kind: typeInt, value: "50", min: 1, static: true},
	{name: "transaction.state.log.replication.factor", kind: typeInt, value: "3", min: 1, static: true},
	{name: "transaction.state.log.segment.bytes", kind: typeInt, value: "104857600", min: 1, static: true},
	{name: "transactional.id.expiration.ms", kind: typeInt, value: "604800000", min: 1, static: true},
	{name: "unclean.leader.election.enable", kind: typeBool, value: "false"},
	{name: "zookeeper.connection.timeout.ms", kind: typeInt, value: unsetConfig, static: true},
	{name: "zookeeper.session.timeout.ms", kind: typeInt, value: "18000", static: true},
	{name: "zookeeper.set.acl", kind: typeBool, value: "false", static: true},
}

// serverlessConfigs is what topics of MSK Serverless may set; the value says
// whether it may be changed after creation.
var serverlessConfigs = map[string]bool{
	"cleanup.policy": false, "compression.type": true, "max.message.bytes": true,
	"message.timestamp.type": true, "retention.bytes": true, "retention.ms": true,
}

// serverlessMaxMessage is MSK Serverless's largest max.message.bytes.
const serverlessMaxMessage = 8388608
