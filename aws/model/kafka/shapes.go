// Package kafka holds the request and response shapes of the aws:kafka
// operations that are served, and the interface that serves them. aws/api
// decodes into them and encodes from them; aws/msk implements Service. It
// decides nothing.
//
// A nil member is absent on the wire; an empty list is present.
package kafka

import (
	"context"
	"time"

	"github.com/millrace/millrace/aws/model"
)

// Service is what serves the operations. Errors that callers are to see are
// *model.Error; every other one is internal.
type Service interface {
	CreateCluster(ctx context.Context, c model.Caller, in *CreateClusterRequest) (*CreateClusterResponse, error)
	CreateClusterV2(ctx context.Context, c model.Caller, in *CreateClusterV2Request) (*CreateClusterV2Response, error)
	DescribeCluster(ctx context.Context, c model.Caller, in *DescribeClusterRequest) (*DescribeClusterResponse, error)
	DescribeClusterV2(ctx context.Context, c model.Caller, in *DescribeClusterV2Request) (*DescribeClusterV2Response, error)
	ListClusters(ctx context.Context, c model.Caller, in *ListClustersRequest) (*ListClustersResponse, error)
	ListClustersV2(ctx context.Context, c model.Caller, in *ListClustersV2Request) (*ListClustersV2Response, error)
	DeleteCluster(ctx context.Context, c model.Caller, in *DeleteClusterRequest) (*DeleteClusterResponse, error)
	GetBootstrapBrokers(ctx context.Context, c model.Caller, in *GetBootstrapBrokersRequest) (*GetBootstrapBrokersResponse, error)
	ListNodes(ctx context.Context, c model.Caller, in *ListNodesRequest) (*ListNodesResponse, error)
	ListKafkaVersions(ctx context.Context, c model.Caller, in *ListKafkaVersionsRequest) (*ListKafkaVersionsResponse, error)
	GetCompatibleKafkaVersions(ctx context.Context, c model.Caller, in *GetCompatibleKafkaVersionsRequest) (*GetCompatibleKafkaVersionsResponse, error)
	ListTagsForResource(ctx context.Context, c model.Caller, in *ListTagsForResourceRequest) (*ListTagsForResourceResponse, error)
	TagResource(ctx context.Context, c model.Caller, in *TagResourceRequest) (*TagResourceResponse, error)
	UntagResource(ctx context.Context, c model.Caller, in *UntagResourceRequest) (*UntagResourceResponse, error)
}

// BrokerLogs is the shape of that name.
type BrokerLogs struct {
	CloudWatchLogs *CloudWatchLogs `json:"cloudWatchLogs,omitzero"`
	Firehose       *Firehose       `json:"firehose,omitzero"`
	S3             *S3             `json:"s3,omitzero"`
}

// BrokerNodeGroupInfo is the shape of that name.
type BrokerNodeGroupInfo struct {
	BrokerAZDistribution *string           `json:"brokerAZDistribution,omitzero"`
	ClientSubnets        []string          `json:"clientSubnets,omitzero"`
	InstanceType         *string           `json:"instanceType,omitzero"`
	SecurityGroups       []string          `json:"securityGroups,omitzero"`
	StorageInfo          *StorageInfo      `json:"storageInfo,omitzero"`
	ConnectivityInfo     *ConnectivityInfo `json:"connectivityInfo,omitzero"`
	ZoneIds              []string          `json:"zoneIds,omitzero"`
}

// BrokerNodeInfo is the shape of that name.
type BrokerNodeInfo struct {
	AttachedENIId             *string             `json:"attachedENIId,omitzero"`
	BrokerId                  *float64            `json:"brokerId,omitzero"`
	ClientSubnet              *string             `json:"clientSubnet,omitzero"`
	ClientVpcIpAddress        *string             `json:"clientVpcIpAddress,omitzero"`
	CurrentBrokerSoftwareInfo *BrokerSoftwareInfo `json:"currentBrokerSoftwareInfo,omitzero"`
	Endpoints                 []string            `json:"endpoints,omitzero"`
}

// BrokerSoftwareInfo is the shape of that name.
type BrokerSoftwareInfo struct {
	ConfigurationArn      *string `json:"configurationArn,omitzero"`
	ConfigurationRevision *int64  `json:"configurationRevision,omitzero"`
	KafkaVersion          *string `json:"kafkaVersion,omitzero"`
}

// ClientAuthentication is the shape of that name.
type ClientAuthentication struct {
	Sasl            *Sasl            `json:"sasl,omitzero"`
	Tls             *Tls             `json:"tls,omitzero"`
	Unauthenticated *Unauthenticated `json:"unauthenticated,omitzero"`
}

// CloudWatchLogs is the shape of that name.
type CloudWatchLogs struct {
	Enabled  *bool   `json:"enabled,omitzero"`
	LogGroup *string `json:"logGroup,omitzero"`
}

// Cluster is the shape of that name.
type Cluster struct {
	ActiveOperationArn *string           `json:"activeOperationArn,omitzero"`
	ClusterType        *string           `json:"clusterType,omitzero"`
	ClusterArn         *string           `json:"clusterArn,omitzero"`
	ClusterName        *string           `json:"clusterName,omitzero"`
	CreationTime       *time.Time        `json:"creationTime,omitzero"`
	CurrentVersion     *string           `json:"currentVersion,omitzero"`
	State              *string           `json:"state,omitzero"`
	StateInfo          *StateInfo        `json:"stateInfo,omitzero"`
	Tags               map[string]string `json:"tags,omitzero"`
	Provisioned        *Provisioned      `json:"provisioned,omitzero"`
	Serverless         *Serverless       `json:"serverless,omitzero"`
}

// ClusterInfo is the shape of that name.
type ClusterInfo struct {
	ActiveOperationArn        *string               `json:"activeOperationArn,omitzero"`
	BrokerNodeGroupInfo       *BrokerNodeGroupInfo  `json:"brokerNodeGroupInfo,omitzero"`
	Rebalancing               *Rebalancing          `json:"rebalancing,omitzero"`
	ClientAuthentication      *ClientAuthentication `json:"clientAuthentication,omitzero"`
	ClusterArn                *string               `json:"clusterArn,omitzero"`
	ClusterName               *string               `json:"clusterName,omitzero"`
	CreationTime              *time.Time            `json:"creationTime,omitzero"`
	CurrentBrokerSoftwareInfo *BrokerSoftwareInfo   `json:"currentBrokerSoftwareInfo,omitzero"`
	CurrentVersion            *string               `json:"currentVersion,omitzero"`
	EncryptionInfo            *EncryptionInfo       `json:"encryptionInfo,omitzero"`
	EnhancedMonitoring        *string               `json:"enhancedMonitoring,omitzero"`
	OpenMonitoring            *OpenMonitoring       `json:"openMonitoring,omitzero"`
	LoggingInfo               *LoggingInfo          `json:"loggingInfo,omitzero"`
	NumberOfBrokerNodes       *int32                `json:"numberOfBrokerNodes,omitzero"`
	State                     *string               `json:"state,omitzero"`
	StateInfo                 *StateInfo            `json:"stateInfo,omitzero"`
	Tags                      map[string]string     `json:"tags,omitzero"`
	ZookeeperConnectString    *string               `json:"zookeeperConnectString,omitzero"`
	ZookeeperConnectStringTls *string               `json:"zookeeperConnectStringTls,omitzero"`
	StorageMode               *string               `json:"storageMode,omitzero"`
	CustomerActionStatus      *string               `json:"customerActionStatus,omitzero"`
}

// CompatibleKafkaVersion is the shape of that name.
type CompatibleKafkaVersion struct {
	SourceVersion  *string  `json:"sourceVersion,omitzero"`
	TargetVersions []string `json:"targetVersions,omitzero"`
}

// ConfigurationInfo is the shape of that name.
type ConfigurationInfo struct {
	Arn      *string `json:"arn,omitzero"`
	Revision *int64  `json:"revision,omitzero"`
}

// ConnectivityInfo is the shape of that name.
type ConnectivityInfo struct {
	PublicAccess    *PublicAccess    `json:"publicAccess,omitzero"`
	VpcConnectivity *VpcConnectivity `json:"vpcConnectivity,omitzero"`
	NetworkType     *string          `json:"networkType,omitzero"`
}

// ControllerNodeInfo is the shape of that name.
type ControllerNodeInfo struct {
	Endpoints []string `json:"endpoints,omitzero"`
}

// CreateClusterRequest is the shape of that name.
type CreateClusterRequest struct {
	BrokerNodeGroupInfo  *BrokerNodeGroupInfo  `json:"brokerNodeGroupInfo,omitzero"`
	Rebalancing          *Rebalancing          `json:"rebalancing,omitzero"`
	ClientAuthentication *ClientAuthentication `json:"clientAuthentication,omitzero"`
	ClusterName          *string               `json:"clusterName,omitzero"`
	ConfigurationInfo    *ConfigurationInfo    `json:"configurationInfo,omitzero"`
	EncryptionInfo       *EncryptionInfo       `json:"encryptionInfo,omitzero"`
	EnhancedMonitoring   *string               `json:"enhancedMonitoring,omitzero"`
	OpenMonitoring       *OpenMonitoringInfo   `json:"openMonitoring,omitzero"`
	KafkaVersion         *string               `json:"kafkaVersion,omitzero"`
	LoggingInfo          *LoggingInfo          `json:"loggingInfo,omitzero"`
	NumberOfBrokerNodes  *int32                `json:"numberOfBrokerNodes,omitzero"`
	Tags                 map[string]string     `json:"tags,omitzero"`
	StorageMode          *string               `json:"storageMode,omitzero"`
}

// CreateClusterResponse is the shape of that name.
type CreateClusterResponse struct {
	ClusterArn  *string `json:"clusterArn,omitzero"`
	ClusterName *string `json:"clusterName,omitzero"`
	State       *string `json:"state,omitzero"`
}

// CreateClusterV2Request is the shape of that name.
type CreateClusterV2Request struct {
	ClusterName *string             `json:"clusterName,omitzero"`
	Tags        map[string]string   `json:"tags,omitzero"`
	Provisioned *ProvisionedRequest `json:"provisioned,omitzero"`
	Serverless  *ServerlessRequest  `json:"serverless,omitzero"`
}

// CreateClusterV2Response is the shape of that name.
type CreateClusterV2Response struct {
	ClusterArn  *string `json:"clusterArn,omitzero"`
	ClusterName *string `json:"clusterName,omitzero"`
	State       *string `json:"state,omitzero"`
	ClusterType *string `json:"clusterType,omitzero"`
}

// DeleteClusterRequest is the shape of that name.
type DeleteClusterRequest struct {
	ClusterArn     *string `json:"clusterArn,omitzero"`
	CurrentVersion *string `json:"currentVersion,omitzero"`
}

// DeleteClusterResponse is the shape of that name.
type DeleteClusterResponse struct {
	ClusterArn *string `json:"clusterArn,omitzero"`
	State      *string `json:"state,omitzero"`
}

// DescribeClusterRequest is the shape of that name.
type DescribeClusterRequest struct {
	ClusterArn *string `json:"clusterArn,omitzero"`
}

// DescribeClusterResponse is the shape of that name.
type DescribeClusterResponse struct {
	ClusterInfo *ClusterInfo `json:"clusterInfo,omitzero"`
}

// DescribeClusterV2Request is the shape of that name.
type DescribeClusterV2Request struct {
	ClusterArn *string `json:"clusterArn,omitzero"`
}

// DescribeClusterV2Response is the shape of that name.
type DescribeClusterV2Response struct {
	ClusterInfo *Cluster `json:"clusterInfo,omitzero"`
}

// EBSStorageInfo is the shape of that name.
type EBSStorageInfo struct {
	ProvisionedThroughput *ProvisionedThroughput `json:"provisionedThroughput,omitzero"`
	VolumeSize            *int32                 `json:"volumeSize,omitzero"`
}

// EncryptionAtRest is the shape of that name.
type EncryptionAtRest struct {
	DataVolumeKMSKeyId *string `json:"dataVolumeKMSKeyId,omitzero"`
}

// EncryptionInTransit is the shape of that name.
type EncryptionInTransit struct {
	ClientBroker *string `json:"clientBroker,omitzero"`
	InCluster    *bool   `json:"inCluster,omitzero"`
}

// EncryptionInfo is the shape of that name.
type EncryptionInfo struct {
	EncryptionAtRest    *EncryptionAtRest    `json:"encryptionAtRest,omitzero"`
	EncryptionInTransit *EncryptionInTransit `json:"encryptionInTransit,omitzero"`
}

// Firehose is the shape of that name.
type Firehose struct {
	DeliveryStream *string `json:"deliveryStream,omitzero"`
	Enabled        *bool   `json:"enabled,omitzero"`
}

// GetBootstrapBrokersRequest is the shape of that name.
type GetBootstrapBrokersRequest struct {
	ClusterArn *string `json:"clusterArn,omitzero"`
}

// GetBootstrapBrokersResponse is the shape of that name.
type GetBootstrapBrokersResponse struct {
	BootstrapBrokerString                         *string `json:"bootstrapBrokerString,omitzero"`
	BootstrapBrokerStringTls                      *string `json:"bootstrapBrokerStringTls,omitzero"`
	BootstrapBrokerStringSaslScram                *string `json:"bootstrapBrokerStringSaslScram,omitzero"`
	BootstrapBrokerStringSaslIam                  *string `json:"bootstrapBrokerStringSaslIam,omitzero"`
	BootstrapBrokerStringPublicTls                *string `json:"bootstrapBrokerStringPublicTls,omitzero"`
	BootstrapBrokerStringPublicSaslScram          *string `json:"bootstrapBrokerStringPublicSaslScram,omitzero"`
	BootstrapBrokerStringPublicSaslIam            *string `json:"bootstrapBrokerStringPublicSaslIam,omitzero"`
	BootstrapBrokerStringVpcConnectivityTls       *string `json:"bootstrapBrokerStringVpcConnectivityTls,omitzero"`
	BootstrapBrokerStringVpcConnectivitySaslScram *string `json:"bootstrapBrokerStringVpcConnectivitySaslScram,omitzero"`
	BootstrapBrokerStringVpcConnectivitySaslIam   *string `json:"bootstrapBrokerStringVpcConnectivitySaslIam,omitzero"`
	BootstrapBrokerStringIpv6                     *string `json:"bootstrapBrokerStringIpv6,omitzero"`
	BootstrapBrokerStringTlsIpv6                  *string `json:"bootstrapBrokerStringTlsIpv6,omitzero"`
	BootstrapBrokerStringSaslScramIpv6            *string `json:"bootstrapBrokerStringSaslScramIpv6,omitzero"`
	BootstrapBrokerStringSaslIamIpv6              *string `json:"bootstrapBrokerStringSaslIamIpv6,omitzero"`
}

// GetCompatibleKafkaVersionsRequest is the shape of that name.
type GetCompatibleKafkaVersionsRequest struct {
	ClusterArn *string `json:"clusterArn,omitzero"`
}

// GetCompatibleKafkaVersionsResponse is the shape of that name.
type GetCompatibleKafkaVersionsResponse struct {
	CompatibleKafkaVersions []CompatibleKafkaVersion `json:"compatibleKafkaVersions,omitzero"`
}

// Iam is the shape of that name.
type Iam struct {
	Enabled *bool `json:"enabled,omitzero"`
}

// JmxExporter is the shape of that name.
type JmxExporter struct {
	EnabledInBroker *bool `json:"enabledInBroker,omitzero"`
}

// JmxExporterInfo is the shape of that name.
type JmxExporterInfo struct {
	EnabledInBroker *bool `json:"enabledInBroker,omitzero"`
}

// KafkaVersion is the shape of that name.
type KafkaVersion struct {
	Version *string `json:"version,omitzero"`
	Status  *string `json:"status,omitzero"`
}

// ListClustersRequest is the shape of that name.
type ListClustersRequest struct {
	ClusterNameFilter *string `json:"clusterNameFilter,omitzero"`
	MaxResults        *int32  `json:"maxResults,omitzero"`
	NextToken         *string `json:"nextToken,omitzero"`
}

// ListClustersResponse is the shape of that name.
type ListClustersResponse struct {
	ClusterInfoList []ClusterInfo `json:"clusterInfoList,omitzero"`
	NextToken       *string       `json:"nextToken,omitzero"`
}

// ListClustersV2Request is the shape of that name.
type ListClustersV2Request struct {
	ClusterNameFilter *string `json:"clusterNameFilter,omitzero"`
	ClusterTypeFilter *string `json:"clusterTypeFilter,omitzero"`
	MaxResults        *int32  `json:"maxResults,omitzero"`
	NextToken         *string `json:"nextToken,omitzero"`
}

// ListClustersV2Response is the shape of that name.
type ListClustersV2Response struct {
	ClusterInfoList []Cluster `json:"clusterInfoList,omitzero"`
	NextToken       *string   `json:"nextToken,omitzero"`
}

// ListKafkaVersionsRequest is the shape of that name.
type ListKafkaVersionsRequest struct {
	MaxResults *int32  `json:"maxResults,omitzero"`
	NextToken  *string `json:"nextToken,omitzero"`
}

// ListKafkaVersionsResponse is the shape of that name.
type ListKafkaVersionsResponse struct {
	KafkaVersions []KafkaVersion `json:"kafkaVersions,omitzero"`
	NextToken     *string        `json:"nextToken,omitzero"`
}

// ListNodesRequest is the shape of that name.
type ListNodesRequest struct {
	ClusterArn *string `json:"clusterArn,omitzero"`
	MaxResults *int32  `json:"maxResults,omitzero"`
	NextToken  *string `json:"nextToken,omitzero"`
}

// ListNodesResponse is the shape of that name.
type ListNodesResponse struct {
	NextToken    *string    `json:"nextToken,omitzero"`
	NodeInfoList []NodeInfo `json:"nodeInfoList,omitzero"`
}

// ListTagsForResourceRequest is the shape of that name.
type ListTagsForResourceRequest struct {
	ResourceArn *string `json:"resourceArn,omitzero"`
}

// ListTagsForResourceResponse is the shape of that name.
type ListTagsForResourceResponse struct {
	Tags map[string]string `json:"tags,omitzero"`
}

// LoggingInfo is the shape of that name.
type LoggingInfo struct {
	BrokerLogs *BrokerLogs `json:"brokerLogs,omitzero"`
}

// NodeExporter is the shape of that name.
type NodeExporter struct {
	EnabledInBroker *bool `json:"enabledInBroker,omitzero"`
}

// NodeExporterInfo is the shape of that name.
type NodeExporterInfo struct {
	EnabledInBroker *bool `json:"enabledInBroker,omitzero"`
}

// NodeInfo is the shape of that name.
type NodeInfo struct {
	AddedToClusterTime *string             `json:"addedToClusterTime,omitzero"`
	BrokerNodeInfo     *BrokerNodeInfo     `json:"brokerNodeInfo,omitzero"`
	ControllerNodeInfo *ControllerNodeInfo `json:"controllerNodeInfo,omitzero"`
	InstanceType       *string             `json:"instanceType,omitzero"`
	NodeARN            *string             `json:"nodeARN,omitzero"`
	NodeType           *string             `json:"nodeType,omitzero"`
	ZookeeperNodeInfo  *ZookeeperNodeInfo  `json:"zookeeperNodeInfo,omitzero"`
}

// OpenMonitoring is the shape of that name.
type OpenMonitoring struct {
	Prometheus *Prometheus `json:"prometheus,omitzero"`
}

// OpenMonitoringInfo is the shape of that name.
type OpenMonitoringInfo struct {
	Prometheus *PrometheusInfo `json:"prometheus,omitzero"`
}

// Prometheus is the shape of that name.
type Prometheus struct {
	JmxExporter  *JmxExporter  `json:"jmxExporter,omitzero"`
	NodeExporter *NodeExporter `json:"nodeExporter,omitzero"`
}

// PrometheusInfo is the shape of that name.
type PrometheusInfo struct {
	JmxExporter  *JmxExporterInfo  `json:"jmxExporter,omitzero"`
	NodeExporter *NodeExporterInfo `json:"nodeExporter,omitzero"`
}

// Provisioned is the shape of that name.
type Provisioned struct {
	BrokerNodeGroupInfo       *BrokerNodeGroupInfo  `json:"brokerNodeGroupInfo,omitzero"`
	Rebalancing               *Rebalancing          `json:"rebalancing,omitzero"`
	CurrentBrokerSoftwareInfo *BrokerSoftwareInfo   `json:"currentBrokerSoftwareInfo,omitzero"`
	ClientAuthentication      *ClientAuthentication `json:"clientAuthentication,omitzero"`
	EncryptionInfo            *EncryptionInfo       `json:"encryptionInfo,omitzero"`
	EnhancedMonitoring        *string               `json:"enhancedMonitoring,omitzero"`
	OpenMonitoring            *OpenMonitoringInfo   `json:"openMonitoring,omitzero"`
	LoggingInfo               *LoggingInfo          `json:"loggingInfo,omitzero"`
	NumberOfBrokerNodes       *int32                `json:"numberOfBrokerNodes,omitzero"`
	ZookeeperConnectString    *string               `json:"zookeeperConnectString,omitzero"`
	ZookeeperConnectStringTls *string               `json:"zookeeperConnectStringTls,omitzero"`
	StorageMode               *string               `json:"storageMode,omitzero"`
	CustomerActionStatus      *string               `json:"customerActionStatus,omitzero"`
}

// ProvisionedRequest is the shape of that name.
type ProvisionedRequest struct {
	BrokerNodeGroupInfo  *BrokerNodeGroupInfo  `json:"brokerNodeGroupInfo,omitzero"`
	Rebalancing          *Rebalancing          `json:"rebalancing,omitzero"`
	ClientAuthentication *ClientAuthentication `json:"clientAuthentication,omitzero"`
	ConfigurationInfo    *ConfigurationInfo    `json:"configurationInfo,omitzero"`
	EncryptionInfo       *EncryptionInfo       `json:"encryptionInfo,omitzero"`
	EnhancedMonitoring   *string               `json:"enhancedMonitoring,omitzero"`
	OpenMonitoring       *OpenMonitoringInfo   `json:"openMonitoring,omitzero"`
	KafkaVersion         *string               `json:"kafkaVersion,omitzero"`
	LoggingInfo          *LoggingInfo          `json:"loggingInfo,omitzero"`
	NumberOfBrokerNodes  *int32                `json:"numberOfBrokerNodes,omitzero"`
	StorageMode          *string               `json:"storageMode,omitzero"`
}

// ProvisionedThroughput is the shape of that name.
type ProvisionedThroughput struct {
	Enabled          *bool  `json:"enabled,omitzero"`
	VolumeThroughput *int32 `json:"volumeThroughput,omitzero"`
}

// PublicAccess is the shape of that name.
type PublicAccess struct {
	Type *string `json:"type,omitzero"`
}

// Rebalancing is the shape of that name.
type Rebalancing struct {
	Status *string `json:"status,omitzero"`
}

// S3 is the shape of that name.
type S3 struct {
	Bucket  *string `json:"bucket,omitzero"`
	Enabled *bool   `json:"enabled,omitzero"`
	Prefix  *string `json:"prefix,omitzero"`
}

// Sasl is the shape of that name.
type Sasl struct {
	Scram *Scram `json:"scram,omitzero"`
	Iam   *Iam   `json:"iam,omitzero"`
}

// Scram is the shape of that name.
type Scram struct {
	Enabled *bool `json:"enabled,omitzero"`
}

// Serverless is the shape of that name.
type Serverless struct {
	VpcConfigs           []VpcConfig                     `json:"vpcConfigs,omitzero"`
	ClientAuthentication *ServerlessClientAuthentication `json:"clientAuthentication,omitzero"`
	ConnectivityInfo     *ServerlessConnectivityInfo     `json:"connectivityInfo,omitzero"`
}

// ServerlessClientAuthentication is the shape of that name.
type ServerlessClientAuthentication struct {
	Sasl *ServerlessSasl `json:"sasl,omitzero"`
}

// ServerlessConnectivityInfo is the shape of that name.
type ServerlessConnectivityInfo struct {
	NetworkType *string `json:"networkType,omitzero"`
}

// ServerlessRequest is the shape of that name.
type ServerlessRequest struct {
	VpcConfigs           []VpcConfig                     `json:"vpcConfigs,omitzero"`
	ClientAuthentication *ServerlessClientAuthentication `json:"clientAuthentication,omitzero"`
}

// ServerlessSasl is the shape of that name.
type ServerlessSasl struct {
	Iam *Iam `json:"iam,omitzero"`
}

// StateInfo is the shape of that name.
type StateInfo struct {
	Code    *string `json:"code,omitzero"`
	Message *string `json:"message,omitzero"`
}

// StorageInfo is the shape of that name.
type StorageInfo struct {
	EbsStorageInfo *EBSStorageInfo `json:"ebsStorageInfo,omitzero"`
}

// TagResourceRequest is the shape of that name.
type TagResourceRequest struct {
	ResourceArn *string           `json:"resourceArn,omitzero"`
	Tags        map[string]string `json:"tags,omitzero"`
}

// TagResourceResponse is the shape of that name.
type TagResourceResponse struct {
}

// Tls is the shape of that name.
type Tls struct {
	CertificateAuthorityArnList []string `json:"certificateAuthorityArnList,omitzero"`
	Enabled                     *bool    `json:"enabled,omitzero"`
}

// Unauthenticated is the shape of that name.
type Unauthenticated struct {
	Enabled *bool `json:"enabled,omitzero"`
}

// UntagResourceRequest is the shape of that name.
type UntagResourceRequest struct {
	ResourceArn *string  `json:"resourceArn,omitzero"`
	TagKeys     []string `json:"tagKeys,omitzero"`
}

// UntagResourceResponse is the shape of that name.
type UntagResourceResponse struct {
}

// VpcConfig is the shape of that name.
type VpcConfig struct {
	SubnetIds        []string `json:"subnetIds,omitzero"`
	SecurityGroupIds []string `json:"securityGroupIds,omitzero"`
}

// VpcConnectivity is the shape of that name.
type VpcConnectivity struct {
	ClientAuthentication *VpcConnectivityClientAuthentication `json:"clientAuthentication,omitzero"`
}

// VpcConnectivityClientAuthentication is the shape of that name.
type VpcConnectivityClientAuthentication struct {
	Sasl *VpcConnectivitySasl `json:"sasl,omitzero"`
	Tls  *VpcConnectivityTls  `json:"tls,omitzero"`
}

// VpcConnectivityIam is the shape of that name.
type VpcConnectivityIam struct {
	Enabled *bool `json:"enabled,omitzero"`
}

// VpcConnectivitySasl is the shape of that name.
type VpcConnectivitySasl struct {
	Scram *VpcConnectivityScram `json:"scram,omitzero"`
	Iam   *VpcConnectivityIam   `json:"iam,omitzero"`
}

// VpcConnectivityScram is the shape of that name.
type VpcConnectivityScram struct {
	Enabled *bool `json:"enabled,omitzero"`
}

// VpcConnectivityTls is the shape of that name.
type VpcConnectivityTls struct {
	Enabled *bool `json:"enabled,omitzero"`
}

// ZookeeperNodeInfo is the shape of that name.
type ZookeeperNodeInfo struct {
	AttachedENIId      *string  `json:"attachedENIId,omitzero"`
	ClientVpcIpAddress *string  `json:"clientVpcIpAddress,omitzero"`
	Endpoints          []string `json:"endpoints,omitzero"`
	ZookeeperId        *float64 `json:"zookeeperId,omitzero"`
	ZookeeperVersion   *string  `json:"zookeeperVersion,omitzero"`
}
