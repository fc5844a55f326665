// Package servicequotas is the API of AWS Service Quotas over the quotas of MSK
// that are enforced here: what there are, what an account has, and requests to
// raise one, which are decided at once.
//
// It owns the raised values in store; aws/msk asks for them through a hook that
// server gives it, and enforces them. aws/api calls it through the generated
// service interface. A decision (decide.go) is pure; service.go alone knows the
// store, the clock and randomness.
//
// Keys: "{account}/{region}/servicequotas/value/{service}/{code}" holds a raised
// value, "{account}/{region}/servicequotas/request/{id}" a request for one
// (docs/formats/servicequotas.md).
package servicequotas

// The one service that has quotas here.
const (
	KafkaCode = "kafka"
	kafkaName = "Amazon Managed Streaming for Kafka (MSK)"
)

// Codes of quotas. Those that begin with L-0000 are ours: AWS has no code for
// them and raises them by support cases. (aws:kafka endpoints and quotas)
const (
	BrokersPerCluster      = "L-FAB9E493"
	BrokersPerKRaftCluster = "L-03FD6822"
	BrokersPerAccount      = "L-EDD31C36"
	Configurations         = "L-B2FDE22A"
	Revisions              = "L-36D29E8C"
	ServerlessClusters     = "L-00000001"
	ScramSecrets           = "L-00000002"
	VPCConnections         = "L-00000003"
	VPCConnectionsAccount  = "L-00000004"
)

// quota is one that an account has.
type quota struct {
	code, name, about string
	value             float64 // that everybody has
	most              float64 // that it can be raised to: what is enforced must stay readable in one transaction
}

// quotas is by name, as lists are.
var quotas = []quota{
	{ScramSecrets, "Number of SCRAM secrets per cluster", "Secrets that are associated with one cluster.", 1000, 5000},
	{VPCConnectionsAccount, "Number of VPC connections per account", "Managed VPC connections of an account in a Region, to clusters of any account.", 500, 900},
	{BrokersPerKRaftCluster, "Number of brokers per KRaft cluster", "Brokers of one cluster with KRaft metadata.", 60, 200},
	{BrokersPerAccount, "Number of brokers per account", "Brokers of all clusters of an account in a Region.", 90, 1000},
	{BrokersPerCluster, "Number of brokers per cluster", "Brokers of one cluster with ZooKeeper metadata.", 30, 200},
	{VPCConnections, "Number of client VPC connections per cluster", "Managed VPC connections to one cluster, from any account.", 90, 900},
	{Configurations, "Number of configurations per account", "Custom configurations of an account in a Region.", 100, 900},
	{Revisions, "Number of revisions per configuration", "Revisions of one custom configuration.", 50, 90},
	{ServerlessClusters, "Number of serverless clusters per account", "Serverless clusters of an account in a Region.", 10, 100},
}
