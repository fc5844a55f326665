package msk

import (
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// renderV1 shows an operation as DescribeClusterOperation does.
func (o *operation) renderV1(c cluster) kafka.ClusterOperationInfo {
	return kafka.ClusterOperationInfo{
		ClientRequestId: new(o.Request), ClusterArn: new(c.ARN), CreationTime: model.NewTime(o.Created), EndTime: o.end(),
		ErrorInfo: o.errorInfo(), OperationArn: new(o.ARN), OperationState: new(string(o.State)), OperationType: new(o.Type),
		OperationSteps: o.renderSteps(), SourceClusterInfo: o.Source.render(c), TargetClusterInfo: o.Target.render(c),
	}
}

// renderV2 shows an operation as DescribeClusterOperationV2 does.
func (o *operation) renderV2(c cluster) *kafka.ClusterOperationV2 {
	return &kafka.ClusterOperationV2{
		ClusterArn: new(c.ARN), ClusterType: new(c.kind()), StartTime: model.NewTime(o.Created), EndTime: o.end(),
		ErrorInfo: o.errorInfo(), OperationArn: new(o.ARN), OperationState: new(string(o.State)), OperationType: new(o.Type),
		Provisioned: &kafka.ClusterOperationV2Provisioned{
			OperationSteps: o.renderSteps(), SourceClusterInfo: o.Source.render(c), TargetClusterInfo: o.Target.render(c),
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

func (o *operation) renderSteps() []kafka.ClusterOperationStep {
	all := []kafka.ClusterOperationStep{}
	for _, s := range o.steps() {
		all = append(all, kafka.ClusterOperationStep{StepName: new(s.name), StepInfo: &kafka.ClusterOperationStepInfo{StepStatus: new(s.status)}})
	}
	return all
}

// render shows settings; nil when there are none.
func (s settings) render(cluster) *kafka.MutableClusterInfo {
	return nil
}
