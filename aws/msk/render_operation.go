package msk

import (
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// renderV1 shows an operation as DescribeClusterOperation does.
func (o *operation) renderV1(c cluster) kafka.ClusterOperationInfo {
	return kafka.ClusterOperationInfo{
		ClientRequestId: new(o.Request), ClusterArn: new(c.ARN), CreationTime: model.NewTime(o.Created), EndTime: o.end(),
		ErrorInfo: o.errorInfo(), OperationArn: new(o.ARN), OperationState: new(string(o.State)), OperationType: new(o.Type),
		OperationSteps: o.renderSteps(), SourceClusterInfo: o.render(o.Source, c), TargetClusterInfo: o.render(o.Target, c),
		VpcConnectionInfo: o.VPC.render(), BrokerTypeUpgradeInfo: o.Upgrade.render(c, o),
	}
}

// renderV2 shows an operation as DescribeClusterOperationV2 does.
func (o *operation) renderV2(c cluster) *kafka.ClusterOperationV2 {
	return &kafka.ClusterOperationV2{
		ClusterArn: new(c.ARN), ClusterType: new(c.kind()), StartTime: model.NewTime(o.Created), EndTime: o.end(),
		ErrorInfo: o.errorInfo(), OperationArn: new(o.ARN), OperationState: new(string(o.State)), OperationType: new(o.Type),
		Provisioned: &kafka.ClusterOperationV2Provisioned{
			OperationSteps: o.renderSteps(), SourceClusterInfo: o.render(o.Source, c), TargetClusterInfo: o.render(o.Target, c),
			VpcConnectionInfo: o.VPC.render(), BrokerTypeUpgradeInfo: o.Upgrade.render(c, o),
		},
	}
}

// summary shows an operation as ListClusterOperationsV2 does.
func (o *operation) summary(c cluster) kafka.ClusterOperationV2Summary {
	return kafka.ClusterOperationV2Summary{
		ClusterArn: new(c.ARN), ClusterType: new(c.kind()), StartTime: model.NewTime(o.Created), EndTime: o.end(),
		OperationArn: new(o.ARN), OperationState: new(string(o.State)), OperationType: new(o.Type),
	}
}

func (o *operation) end() *model.Time {
	if !o.ended() {
		return nil
	}
	return model.NewTime(o.Ended)
}

func (o *operation) errorInfo() *kafka.ErrorInfo {
	if o.ErrorCode == "" {
		return nil
	}
	return &kafka.ErrorInfo{ErrorCode: new(o.ErrorCode), ErrorString: new(o.ErrorText)}
}

// renderSteps shows the steps of an update of the version; other operations show
// none.
func (o *operation) renderSteps() (all []kafka.ClusterOperationStep) {
	if o.Type != updateVersion {
		return nil
	}
	for _, s := range o.steps() {
		all = append(all, kafka.ClusterOperationStep{StepName: new(s.name), StepInfo: &kafka.ClusterOperationStepInfo{StepStatus: new(s.status)}})
	}
	return all
}

// render shows settings of a cluster; nil where the operation is about none.
func (o *operation) render(s settings, c cluster) *kafka.MutableClusterInfo {
	if o.Type == rebootNode || o.VPC != nil {
		return nil
	}
	out := &kafka.MutableClusterInfo{
		ConfigurationInfo: s.Configuration.render(), KafkaVersion: given(s.KafkaVersion),
		InstanceType: given(strings.TrimPrefix(s.InstanceType, "kafka.")),
	}
	if s.Kinds != nil {
		out.InstanceType = new(strings.TrimPrefix(s.Kinds.shown(), "kafka."))
		if s.Kinds.Mixed != nil {
			out.InstanceType = new(s.Kinds.shown())
		}
	}
	if s.Brokers > 0 {
		out.NumberOfBrokerNodes = new(int32(s.Brokers))
	}
	if s.Brokers > 0 && s.Brokers == o.Target.Brokers {
		out.BrokerCountUpdateInfo = &kafka.BrokerCountUpdateInfo{CreatedBrokerIds: ids(o.Added), DeletedBrokerIds: ids(o.Removed)}
	}
	if s.VolumeGiB > 0 || s.Throughput != nil {
		v := kafka.BrokerEBSVolumeInfo{KafkaBrokerNodeId: new(allBrokers), ProvisionedThroughput: s.Throughput.render()}
		if s.VolumeGiB > 0 {
			v.VolumeSizeGB = new(s.VolumeGiB)
		}
		out.BrokerEBSVolumeInfo = []kafka.BrokerEBSVolumeInfo{v}
	}
	out.StorageMode = given(s.StorageMode)
	if s.Rebalancing != "" {
		out.Rebalancing = &kafka.Rebalancing{Status: new(s.Rebalancing)}
	}
	if m := s.Monitoring; m != nil {
		out.EnhancedMonitoring = given(m.Enhanced)
		if m.Open != nil {
			out.OpenMonitoring = m.Open.renderV1()
		}
		if m.Logs != nil {
			out.LoggingInfo = m.Logs.render()
		}
	}
	if s.Security != nil {
		out.ClientAuthentication = s.Security.renderAuthentication()
		out.EncryptionInfo = s.Security.renderEncryption(c.keyARN())
	}
	if s.Connectivity != nil {
		out.ConnectivityInfo = s.Connectivity.render()
	}
	if s.ZooKeeper != nil {
		out.ZookeeperAccess = &kafka.ZookeeperAccess{Enabled: new(*s.ZooKeeper)}
	}
	return out
}

func ids(all []broker) (out []float64) {
	for _, b := range all {
		out = append(out, float64(b.ID))
	}
	return out
}

// partition is that of the cluster's ARN.
func (c *cluster) partition() string { return strings.SplitN(c.ARN, ":", 3)[1] }
