package msk

import (
	"slices"

	"github.com/millrace/millrace/aws/model/kafka"
)

// wishOfV1 reads a CreateCluster request as the V2 form of itself.
func wishOfV1(in *kafka.CreateClusterRequest) (wish, error) {
	return wishOf(&kafka.CreateClusterV2Request{
		ClusterName: in.ClusterName,
		Tags:        in.Tags,
		Provisioned: &kafka.ProvisionedRequest{
			BrokerNodeGroupInfo: in.BrokerNodeGroupInfo, Rebalancing: in.Rebalancing,
			ClientAuthentication: in.ClientAuthentication, ConfigurationInfo: in.ConfigurationInfo,
			EncryptionInfo: in.EncryptionInfo, EnhancedMonitoring: in.EnhancedMonitoring,
			OpenMonitoring: in.OpenMonitoring, KafkaVersion: in.KafkaVersion, LoggingInfo: in.LoggingInfo,
			NumberOfBrokerNodes: in.NumberOfBrokerNodes, StorageMode: in.StorageMode,
		},
	})
}

// wishOf reads a request, refuses what is not built and fills in defaults. It
// copies what it keeps.
func wishOf(in *kafka.CreateClusterV2Request) (wish, error) {
	w := wish{name: deref(in.ClusterName), tags: map[string]string{}}
	for k, v := range in.Tags {
		w.tags[k] = v
	}
	switch {
	case (in.Provisioned == nil) == (in.Serverless == nil): // UNVERIFIED wording
		return wish{}, badRequest("", "Specify exactly one of provisioned and serverless.")
	case in.Serverless != nil:
		return w, w.readServerless(in.Serverless)
	}
	r := in.Provisioned
	if r.BrokerNodeGroupInfo == nil {
		return wish{}, badRequest("brokerNodeGroupInfo", "The brokerNodeGroupInfo parameter is required.")
	}
	if err := refuseUnbuilt(r); err != nil {
		return wish{}, err
	}
	w.kafkaVersion = deref(r.KafkaVersion)
	w.brokers = int(deref(r.NumberOfBrokerNodes))
	w.provisioned = provisionedOf(r)
	return w, w.provisioned.readExpress(r)
}

func (w *wish) readServerless(r *kafka.ServerlessRequest) error {
	a := r.ClientAuthentication
	if a == nil || a.Sasl == nil || a.Sasl.Iam == nil || !deref(a.Sasl.Iam.Enabled) {
		return badRequest("clientAuthentication", "A serverless cluster must use SASL/IAM authentication.")
	}
	w.kafkaVersion, w.brokers, w.serverless = serverlessVersion, serverlessBrokers, &serverless{}
	for _, v := range r.VpcConfigs {
		w.serverless.VPCs = append(w.serverless.VPCs, vpcConfig{slices.Clone(v.SubnetIds), slices.Clone(v.SecurityGroupIds)})
	}
	return nil
}

func provisionedOf(r *kafka.ProvisionedRequest) *provisioned {
	g := r.BrokerNodeGroupInfo
	p := &provisioned{
		InstanceType:       deref(g.InstanceType),
		Subnets:            slices.Clone(g.ClientSubnets),
		SecurityGroups:     slices.Clone(g.SecurityGroups),
		VolumeGiB:          defaultVolumeGiB,
		security:           security{ClientBroker: "TLS", InCluster: true},
		EnhancedMonitoring: or(r.EnhancedMonitoring, "DEFAULT"),
		Logs:               logsOf(r.LoggingInfo),
		Open:               openOf(r.OpenMonitoring),
		Configuration:      refOf(r.ConfigurationInfo),
		Key:                keyOf(r.EncryptionInfo),
		Tiered:             or(r.StorageMode, localStorage) == tieredStorage,
	}
	if g.StorageInfo != nil && g.StorageInfo.EbsStorageInfo != nil {
		ebs := g.StorageInfo.EbsStorageInfo
		p.VolumeGiB, p.Throughput = or(ebs.VolumeSize, defaultVolumeGiB), throughputOf(ebs.ProvisionedThroughput)
	}
	if e := r.EncryptionInfo; e != nil && e.EncryptionInTransit != nil {
		p.ClientBroker = or(e.EncryptionInTransit.ClientBroker, "TLS")
		p.InCluster = or(e.EncryptionInTransit.InCluster, true)
	}
	p.readAuthentication(r.ClientAuthentication)
	return p
}

func logsOf(in *kafka.LoggingInfo) (l loggingInfo) {
	if in == nil || in.BrokerLogs == nil {
		return l
	}
	b := in.BrokerLogs
	if b.CloudWatchLogs != nil {
		l.CloudWatch, l.LogGroup = deref(b.CloudWatchLogs.Enabled), deref(b.CloudWatchLogs.LogGroup)
	}
	if b.Firehose != nil {
		l.Firehose, l.DeliveryStream = deref(b.Firehose.Enabled), deref(b.Firehose.DeliveryStream)
	}
	if b.S3 != nil {
		l.S3, l.Bucket, l.Prefix = deref(b.S3.Enabled), deref(b.S3.Bucket), deref(b.S3.Prefix)
	}
	return l
}

func openOf(in *kafka.OpenMonitoringInfo) (o openMonitoring) {
	if in == nil || in.Prometheus == nil {
		return o
	}
	if j := in.Prometheus.JmxExporter; j != nil {
		o.JMX = deref(j.EnabledInBroker)
	}
	if n := in.Prometheus.NodeExporter; n != nil {
		o.Node = deref(n.EnabledInBroker)
	}
	return o
}

// readAuthentication reads how clients authenticate. Where nothing is asked for,
// or certificates beside plaintext, and unauthenticated access is not refused,
// that is what clients get.
func (p *provisioned) readAuthentication(a *kafka.ClientAuthentication) {
	p.Stated.note(a)
	var unauthenticated *bool
	if a != nil && a.Unauthenticated != nil {
		unauthenticated = a.Unauthenticated.Enabled
	}
	if a != nil && a.Sasl != nil {
		p.SCRAM = a.Sasl.Scram != nil && deref(a.Sasl.Scram.Enabled)
		p.IAM = a.Sasl.Iam != nil && deref(a.Sasl.Iam.Enabled)
	}
	if a != nil && a.Tls != nil {
		p.Authorities = slices.Clone(a.Tls.CertificateAuthorityArnList)
		p.TLSAuth = or(a.Tls.Enabled, len(p.Authorities) > 0)
	}
	plain := p.ClientBroker == "TLS_PLAINTEXT" || !p.TLSAuth // beside certificates: who comes without encryption
	p.Unauthenticated = or(unauthenticated, !p.SCRAM && !p.IAM && plain)
}

// refuseUnbuilt refuses every setting that would act on the cluster and is not
// built. What it lets pass is kept and shown.
func refuseUnbuilt(r *kafka.ProvisionedRequest) error {
	g := r.BrokerNodeGroupInfo
	if err := refuseConnectivity(g.ConnectivityInfo); err != nil {
		return err
	}
	switch {
	case or(g.BrokerAZDistribution, "DEFAULT") != "DEFAULT":
		return badRequest("brokerAZDistribution", "Unsupported BrokerAZDistribution [%s]. Valid values: [DEFAULT]", *g.BrokerAZDistribution)
	}
	_, err := monitoringOf(r.EnhancedMonitoring, r.OpenMonitoring, r.LoggingInfo)
	return err
}

// deref answers what p points to, or the zero value.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// or answers what p points to, or a default.
func or[T any](p *T, otherwise T) T {
	if p != nil {
		return *p
	}
	return otherwise
}
