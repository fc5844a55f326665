package msk

import (
	"reflect"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// renderV1 shows an operation as DescribeClusterOperation does.
func (o *operation) renderV1(c cluster) kafka.ClusterOperationInfo {
	source, target := o.change(c)
	return kafka.ClusterOperationInfo{
		ClientRequestId: new(o.Request), ClusterArn: new(c.ARN), CreationTime: model.NewTime(o.Created), EndTime: o.end(),
		ErrorInfo: o.errorInfo(), OperationArn: new(o.ARN), OperationState: new(string(o.State)), OperationType: new(o.Type),
		OperationSteps: o.renderSteps(), SourceClusterInfo: source, TargetClusterInfo: target,
		VpcConnectionInfo: o.VPC.render(),
	}
}

// renderV2 shows an operation as DescribeClusterOperationV2 does.
func (o *operation) renderV2(c cluster) *kafka.ClusterOperationV2 {
	source, target := o.change(c)
	return &kafka.ClusterOperationV2{
		ClusterArn: new(c.ARN), ClusterType: new(c.kind()), StartTime: model.NewTime(o.Created), EndTime: o.end(),
		ErrorInfo: o.errorInfo(), OperationArn: new(o.ARN), OperationState: new(string(o.State)), OperationType: new(o.Type),
		Provisioned: &kafka.ClusterOperationV2Provisioned{
			OperationSteps: o.renderSteps(), SourceClusterInfo: source, TargetClusterInfo: target,
			VpcConnectionInfo: o.VPC.render(),
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

// change shows the settings that an operation changes, before and after. What was
// not set before is shown as no members: aws:kafka developer guide, "Update the
// configuration of a cluster".
func (o *operation) change(c cluster) (source, target *kafka.MutableClusterInfo) {
	source, target = o.Source.render(c, o), o.Target.render(c, o)
	if source == nil && target != nil {
		source = &kafka.MutableClusterInfo{}
	}
	return source, target
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

func (o *operation) renderSteps() []kafka.ClusterOperationStep {
	all := []kafka.ClusterOperationStep{}
	for _, s := range o.steps() {
		all = append(all, kafka.ClusterOperationStep{StepName: new(s.name), StepInfo: &kafka.ClusterOperationStepInfo{StepStatus: new(s.status)}})
	}
	return all
}

// render shows settings; nil when there are none.
func (s settings) render(c cluster, o *operation) *kafka.MutableClusterInfo {
	out := &kafka.MutableClusterInfo{
		ConfigurationInfo: s.Configuration.render(), KafkaVersion: given(s.KafkaVersion),
		InstanceType: given(strings.TrimPrefix(s.InstanceType, "kafka.")),
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
	if reflect.ValueOf(*out).IsZero() {
		return nil
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
