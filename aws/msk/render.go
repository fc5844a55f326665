package msk

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// describeV2 shows a cluster as DescribeClusterV2 does, with the members that
// are always there even if their feature is off.
func describeV2(c cluster) *kafka.Cluster {
	out := &kafka.Cluster{
		ClusterType:    new(c.kind()),
		ClusterArn:     new(c.ARN),
		ClusterName:    new(c.Name),
		CreationTime:   model.NewTime(c.Created),
		CurrentVersion: new(c.CurrentVersion),
		State:          new(string(c.State)),
		StateInfo:      c.stateInfo(),
		Tags:           c.tags(),
	}
	if c.busy() {
		out.ActiveOperationArn = new(c.Operation.ARN)
	}
	if c.Serverless != nil {
		out.Serverless = c.Serverless.render()
		return out
	}
	p := c.Provisioned
	out.Provisioned = &kafka.Provisioned{
		BrokerNodeGroupInfo:       p.renderGroup(),
		CurrentBrokerSoftwareInfo: software(c.KafkaVersion, p.Configuration),
		ClientAuthentication:      p.renderAuthentication(),
		EncryptionInfo:            p.renderEncryption(c.keyARN()),
		EnhancedMonitoring:        new(p.EnhancedMonitoring),
		OpenMonitoring: &kafka.OpenMonitoringInfo{Prometheus: &kafka.PrometheusInfo{
			JmxExporter:  &kafka.JmxExporterInfo{EnabledInBroker: new(p.Open.JMX)},
			NodeExporter: &kafka.NodeExporterInfo{EnabledInBroker: new(p.Open.Node)},
		}},
		LoggingInfo:         p.Logs.render(),
		NumberOfBrokerNodes: new(int32(len(c.Brokers))),

		ZookeeperConnectString: c.zooKeeper(2181), ZookeeperConnectStringTls: c.zooKeeper(2182),
		CustomerActionStatus: new("NONE"),
	}
	if p.express() {
		out.Provisioned.Rebalancing = &kafka.Rebalancing{Status: new(p.Rebalancing)}
	} else {
		out.Provisioned.StorageMode = new(p.storageMode())
	}
	return out
}

// describeV1 shows a provisioned cluster as DescribeCluster does.
func describeV1(c cluster) *kafka.ClusterInfo {
	v2 := describeV2(c)
	p := v2.Provisioned
	return &kafka.ClusterInfo{
		ActiveOperationArn: v2.ActiveOperationArn, BrokerNodeGroupInfo: p.BrokerNodeGroupInfo, ClientAuthentication: c.Provisioned.renderStated(),
		ClusterArn: v2.ClusterArn, ClusterName: v2.ClusterName, CreationTime: v2.CreationTime,
		CurrentBrokerSoftwareInfo: p.CurrentBrokerSoftwareInfo, CurrentVersion: v2.CurrentVersion,
		EncryptionInfo: p.EncryptionInfo, EnhancedMonitoring: p.EnhancedMonitoring,
		OpenMonitoring: c.Provisioned.Open.renderV1(),
		LoggingInfo:    p.LoggingInfo, NumberOfBrokerNodes: p.NumberOfBrokerNodes,
		State: v2.State, StateInfo: v2.StateInfo, Tags: v2.Tags,
		StorageMode: p.StorageMode, Rebalancing: p.Rebalancing, CustomerActionStatus: p.CustomerActionStatus,
		ZookeeperConnectString: p.ZookeeperConnectString, ZookeeperConnectStringTls: p.ZookeeperConnectStringTls,
	}
}

func (c *cluster) stateInfo() *kafka.StateInfo {
	if c.State != Failed {
		return nil
	}
	return &kafka.StateInfo{Code: new(c.StateCode), Message: new(c.StateMessage)}
}

// tags answers the tags, an empty map rather than none.
func (c *cluster) tags() map[string]string { return tagsOf(c.Tags) }

func tagsOf(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}

func (s *serverless) render() *kafka.Serverless {
	out := &kafka.Serverless{
		ClientAuthentication: &kafka.ServerlessClientAuthentication{
			Sasl: &kafka.ServerlessSasl{Iam: &kafka.Iam{Enabled: new(true)}},
		},
	}
	for _, v := range s.VPCs {
		out.VpcConfigs = append(out.VpcConfigs, kafka.VpcConfig{SubnetIds: v.Subnets, SecurityGroupIds: v.SecurityGroups})
	}
	return out
}

func (p *provisioned) renderGroup() *kafka.BrokerNodeGroupInfo {
	return &kafka.BrokerNodeGroupInfo{
		BrokerAZDistribution: new("DEFAULT"),
		ClientSubnets:        p.Subnets,
		InstanceType:         new(p.kinds().shown()),
		SecurityGroups:       p.SecurityGroups,
		StorageInfo:          p.renderStorage(),
		ZoneIds:              p.ZoneIDs,
		ConnectivityInfo:     p.Connectivity.render(),
	}
}

// renderStorage shows the volumes; Express brokers have none to show.
func (p *provisioned) renderStorage() *kafka.StorageInfo {
	if p.express() {
		return nil
	}
	ebs := &kafka.EBSStorageInfo{VolumeSize: new(p.VolumeGiB), ProvisionedThroughput: p.Throughput.render()}
	if p.Throughput == nil && p.ThroughputStated {
		ebs.ProvisionedThroughput = &kafka.ProvisionedThroughput{Enabled: new(false)}
	}
	return &kafka.StorageInfo{EbsStorageInfo: ebs}
}

// software shows what runs on brokers; the default configuration is not shown.
func software(kafkaVersion string, r *configurationRef) *kafka.BrokerSoftwareInfo {
	out := &kafka.BrokerSoftwareInfo{KafkaVersion: new(kafkaVersion)}
	if r != nil {
		out.ConfigurationArn, out.ConfigurationRevision = new(r.ARN), new(r.Revision)
	}
	return out
}

func (o openMonitoring) renderV1() *kafka.OpenMonitoring {
	return &kafka.OpenMonitoring{Prometheus: &kafka.Prometheus{
		JmxExporter:  &kafka.JmxExporter{EnabledInBroker: new(o.JMX)},
		NodeExporter: &kafka.NodeExporter{EnabledInBroker: new(o.Node)},
	}}
}

func (s *security) renderAuthentication() *kafka.ClientAuthentication {
	return &kafka.ClientAuthentication{
		Sasl: &kafka.Sasl{
			Iam:   &kafka.Iam{Enabled: new(s.IAM)},
			Scram: &kafka.Scram{Enabled: new(s.SCRAM)},
		},
		Tls:             &kafka.Tls{CertificateAuthorityArnList: append([]string{}, s.Authorities...), Enabled: new(s.TLSAuth)},
		Unauthenticated: &kafka.Unauthenticated{Enabled: new(s.Unauthenticated)},
	}
}

// renderStated is how DescribeCluster shows clients' authentication: without what
// no request has stated. (Acceptance tests of Terraform's aws_msk_cluster)
func (s *security) renderStated() *kafka.ClientAuthentication {
	if !s.Stated.Any {
		return nil
	}
	out := s.renderAuthentication()
	if !s.Stated.SASL {
		out.Sasl = nil
	}
	if !s.Stated.TLS {
		out.Tls = nil
	}
	return out
}

func (s *security) renderEncryption(key string) *kafka.EncryptionInfo {
	return &kafka.EncryptionInfo{
		EncryptionAtRest: &kafka.EncryptionAtRest{DataVolumeKMSKeyId: new(key)},
		EncryptionInTransit: &kafka.EncryptionInTransit{
			ClientBroker: new(s.ClientBroker), InCluster: new(s.InCluster),
		},
	}
}

func (l loggingInfo) render() *kafka.LoggingInfo {
	return &kafka.LoggingInfo{BrokerLogs: &kafka.BrokerLogs{
		CloudWatchLogs: &kafka.CloudWatchLogs{Enabled: new(l.CloudWatch), LogGroup: given(l.LogGroup)},
		Firehose:       &kafka.Firehose{Enabled: new(l.Firehose), DeliveryStream: given(l.DeliveryStream)},
		S3:             &kafka.S3{Enabled: new(l.S3), Bucket: given(l.Bucket), Prefix: given(l.Prefix)},
	}}
}

// given answers nil for "", so that the member is absent.
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// zooKeepers is how many ZooKeeper nodes a cluster has on AWS.
const zooKeepers = 3

// zooKeeper is where ZooKeeper would be: nil with KRaft, and until the cluster
// has run. Nothing listens there.
func (c *cluster) zooKeeper(port int) *string {
	if kraft(c.KafkaVersion) || c.Endpoints == nil {
		return nil
	}
	var at []string
	for i := range zooKeepers {
		at = append(at, fmt.Sprintf("z-%d.%s.%s.c%d.kafka.%s.amazonaws.com:%d", i+1, c.Names.Label, c.Names.Random, c.Names.N, c.Region, port))
	}
	return new(strings.Join(at, ","))
}

const (
	controllers       = 3     // of a cluster with KRaft metadata
	firstControllerID = 10001 // the others follow
)

// nodes shows what a cluster is made of, as ListNodes does: the controllers of
// KRaft first. Controllers have no member but their type and endpoints.
func nodes(c cluster) []kafka.NodeInfo {
	var all []kafka.NodeInfo
	if kraft(c.KafkaVersion) {
		for i := range controllers {
			all = append(all, kafka.NodeInfo{
				NodeType: new("CONTROLLER"),
				ControllerNodeInfo: &kafka.ControllerNodeInfo{Endpoints: []string{fmt.Sprintf("c-%d.%s.%s.c%d.kafka.%s.amazonaws.com",
					firstControllerID+i, c.Names.Label, c.Names.Random, c.Names.N, c.Region)}},
			})
		}
	}
	for _, b := range c.Brokers {
		hosts, address := c.hostsOf(b.ID)
		node := kafka.NodeInfo{
			NodeType:     new("BROKER"),
			NodeARN:      new(b.ARN),
			InstanceType: new(strings.TrimPrefix(c.typeOf(b), "kafka.")),
			BrokerNodeInfo: &kafka.BrokerNodeInfo{
				BrokerId:                  new(float64(b.ID)),
				BrokerNodeType:            new(c.kindOf(b)),
				AttachedENIId:             new(interfaceID(b.ARN)),
				ClientSubnet:              new(b.Subnet),
				ClientVpcIpAddress:        given(address),
				CurrentBrokerSoftwareInfo: software(cmp.Or(b.KafkaVersion, c.KafkaVersion), b.Configuration),
				Endpoints:                 hosts,
			},
		}
		if !b.Added.IsZero() {
			node.AddedToClusterTime = new(b.Added.Format(timeFormat))
		}
		all = append(all, node)
	}
	return all
}

const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// hostsOf answers the host names that a broker is advertised under, in its VPC
// first, and its address if one of them is an IP address or localhost. That the
// names for clients elsewhere are among them is UNVERIFIED.
func (c *cluster) hostsOf(id int32) (hosts []string, address string) {
	if c.Endpoints == nil {
		return nil, ""
	}
	for _, e := range c.Endpoints.Brokers {
		for _, l := range c.listeners() {
			host, _, err := net.SplitHostPort(e.Listeners[l])
			if e.ID != id || err != nil || slices.Contains(hosts, host) {
				continue
			}
			hosts = append(hosts, host)
			if ip, err := netip.ParseAddr(host); err == nil {
				address = ip.String()
			} else if host == "localhost" {
				address = "127.0.0.1"
			}
		}
	}
	return hosts, address
}

// bootstrapResponse shows the connection strings. aws:kafka GetBootstrapBrokers
func bootstrapResponse(c cluster) *kafka.GetBootstrapBrokersResponse {
	join := func(l Listener) *string { return given(strings.Join(c.bootstrap(l), ",")) }
	return &kafka.GetBootstrapBrokersResponse{
		BootstrapBrokerString:          join(Plaintext),
		BootstrapBrokerStringTls:       join(TLS),
		BootstrapBrokerStringSaslScram: join(SCRAM),
		BootstrapBrokerStringSaslIam:   join(IAM),

		BootstrapBrokerStringPublicTls:       join(PublicTLS),
		BootstrapBrokerStringPublicSaslScram: join(PublicSCRAM),
		BootstrapBrokerStringPublicSaslIam:   join(PublicIAM),

		BootstrapBrokerStringVpcConnectivityTls:       join(VPCTLS),
		BootstrapBrokerStringVpcConnectivitySaslScram: join(VPCSCRAM),
		BootstrapBrokerStringVpcConnectivitySaslIam:   join(VPCIAM),
	}
}

// versionList shows the versions that can be run here.
func versionList(runs func(string) bool, now time.Time) (all []kafka.KafkaVersion) {
	for _, v := range versions {
		if runs(v.name) {
			all = append(all, kafka.KafkaVersion{Version: new(v.name), Status: new(v.status(now))})
		}
	}
	return all
}

// compatibleList shows what each version, or only `of`, can be updated to.
func compatibleList(of string, runs func(string) bool) (all []kafka.CompatibleKafkaVersion) {
	for _, v := range versions {
		if of == v.name || of == "" && runs(v.name) {
			all = append(all, kafka.CompatibleKafkaVersion{SourceVersion: new(v.name), TargetVersions: upgradesOf(v.name, runs)})
		}
	}
	return all
}
