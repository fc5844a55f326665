package msk

import (
	"errors"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// renamed is a refusal about a parameter of another name.
func renamed(err error, parameter string) error {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return badRequest(parameter, "%s", e.Message)
	}
	return err
}

// refOf reads a request's configurationInfo.
func refOf(in *kafka.ConfigurationInfo) *configurationRef {
	if in == nil {
		return nil
	}
	return &configurationRef{deref(in.Arn), deref(in.Revision)}
}

// configurationChange reads an UpdateClusterConfiguration request. What needs no
// restart acts on all brokers at once, the rest as each starts again.
// aws:kafka UpdateClusterConfiguration
func configurationChange(in *kafka.UpdateClusterConfigurationRequest) (change, error) {
	ref := refOf(in.ConfigurationInfo)
	return change{verb: "update", stamp: in.CurrentVersion, names: ref, mixed: true, decide: func(c cluster, f changeFacts) (plan, error) {
		if have := c.Provisioned.Configuration; have != nil && *have == *ref { // UNVERIFIED wording
			return plan{}, badRequest("configurationInfo", "The cluster already has this revision of the configuration.")
		}
		if err := c.takes(f.wanted, f.properties, c.KafkaVersion); err != nil {
			return plan{}, err
		}
		if err := checkPartitions(f.held, c.Provisioned.InstanceType); err != nil {
			return plan{}, err
		}
		p := plan{
			kind: updateConfiguration, source: settings{Configuration: c.Provisioned.Configuration}, target: settings{Configuration: ref},
			acts: []act{{Kind: adopt}},
		}
		if needsRestart(f.current, f.properties) {
			p.acts = append([]act{{Kind: live}}, c.rolling("")...)
		}
		return p, nil
	}}, nil
}

// takes checks that a cluster can have a configuration with a Kafka version.
func (c *cluster) takes(wanted configuration, properties map[string]string, kafkaVersion string) error {
	if err := wanted.usable(kafkaVersion); err != nil {
		return err
	}
	if err := c.Provisioned.fits(properties); err != nil {
		return err
	}
	if err := checkTieredProperties(c.Provisioned.Tiered, properties); err != nil {
		return err
	}
	return c.reachable(c.Provisioned.security, properties)
}

// versionChange reads an UpdateClusterKafkaVersion request: brokers advertise the
// new version one after another, and the last act makes its features the
// cluster's. aws:kafka UpdateClusterKafkaVersion
func versionChange(in *kafka.UpdateClusterKafkaVersionRequest) (change, error) {
	ref, target := refOf(in.ConfigurationInfo), deref(in.TargetKafkaVersion)
	return change{verb: "update", stamp: in.CurrentVersion, names: ref, decide: func(c cluster, f changeFacts) (plan, error) {
		if err := c.mayBecome(target, f); err != nil {
			return plan{}, err
		}
		wanted, properties := f.wanted, f.properties
		if ref == nil {
			wanted, properties = f.configured, f.current
		}
		if err := c.takes(wanted, properties, target); err != nil {
			return plan{}, err
		}
		p := plan{
			kind: updateVersion, source: settings{KafkaVersion: c.KafkaVersion}, target: settings{KafkaVersion: target, Configuration: ref},
			acts: append([]act{{Step: stepInitialize, Kind: look}}, c.rolling(stepBinaries)...),
		}
		if ref != nil {
			p.source.Configuration = c.Provisioned.Configuration
		}
		p.acts = append(p.acts, act{Step: stepFinalize, Kind: finalize})
		return p, nil
	}}, nil
}

// monitoringLevels are the values of enhancedMonitoring.
var monitoringLevels = []string{"DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"}

// monitoringChange reads an UpdateMonitoring request: any of the three, or all,
// since Terraform gives those that stay beside the one that changes.
// aws:kafka UpdateMonitoring
func monitoringChange(in *kafka.UpdateMonitoringRequest) (change, error) {
	m, err := monitoringOf(in.EnhancedMonitoring, in.OpenMonitoring, in.LoggingInfo)
	if err != nil {
		return change{}, err
	}
	if m == (monitoring{}) { // UNVERIFIED wording
		return change{}, badRequest("", "Specify one of enhancedMonitoring, openMonitoring and loggingInfo.")
	}
	return change{verb: "update", stamp: in.CurrentVersion, mixed: true, decide: func(c cluster, _ changeFacts) (plan, error) {
		p, was := c.Provisioned, monitoring{}
		if m.Enhanced != "" {
			was.Enhanced = p.EnhancedMonitoring
		}
		if m.Open != nil {
			was.Open = new(p.Open)
		}
		if m.Logs != nil {
			was.Logs = new(p.Logs)
		}
		return plan{
			kind: updateMonitoring, source: settings{Monitoring: &was}, target: settings{Monitoring: &m},
			acts: []act{{Kind: put}},
		}, nil
	}}, nil
}

// monitoringOf reads and checks what a request says of monitoring by itself.
// aws:kafka CreateCluster, UpdateMonitoring
func monitoringOf(level *string, open *kafka.OpenMonitoringInfo, logs *kafka.LoggingInfo) (m monitoring, err error) {
	const destinations = "brokerLogs"
	m.Enhanced = deref(level)
	if m.Enhanced != "" && !slices.Contains(monitoringLevels, m.Enhanced) { // UNVERIFIED wording
		return m, badRequest("enhancedMonitoring", "Unsupported EnhancedMonitoring [%s]. Valid values: [%s]", m.Enhanced, strings.Join(monitoringLevels, ", "))
	}
	if open != nil {
		if p := open.Prometheus; p == nil || p.JmxExporter == nil && p.NodeExporter == nil {
			return m, badRequest("openMonitoring", "You must specify at least one type of exporter, either nodeExporter or jmxExporter.")
		}
		m.Open = new(openOf(open))
	}
	if logs == nil {
		return m, nil
	}
	l := logsOf(logs)
	m.Logs = &l
	switch b := logs.BrokerLogs; {
	case b == nil || *b == (kafka.BrokerLogs{}):
		return m, badRequest(destinations, "You must define one or more of the following broker log types: CloudWatch Logs, Kinesis Data Firehose, Amazon S3.")
	case l.CloudWatch && l.LogGroup == "":
		return m, badRequest(destinations, "To use CloudWatch Logs as a destination for broker logs, you must specify a CloudWatch log group.")
	case l.Firehose && l.DeliveryStream == "":
		return m, badRequest(destinations, "To use Kinesis Data Firehose as a destination for broker logs, you must specify a delivery stream.")
	case l.S3 && l.Bucket == "":
		return m, badRequest(destinations, "To use Amazon S3 as a destination for broker logs, you must specify an S3 bucket.")
	case l.Firehose:
		return m, notBuilt("firehose", "delivery of broker logs to Firehose (firehose.enabled)")
	}
	return m, nil
}

// securityChange reads an UpdateSecurity request: what it does not name stays.
// aws:kafka UpdateSecurity
func securityChange(in *kafka.UpdateSecurityRequest) (change, error) {
	const parameter = "encryptionInfo"
	var authorities []string
	if a := in.ClientAuthentication; a != nil && a.Tls != nil {
		authorities = a.Tls.CertificateAuthorityArnList
	}
	return change{verb: "update", stamp: in.CurrentVersion, authorities: authorities, mixed: true, decide: func(c cluster, f changeFacts) (plan, error) {
		was := c.Provisioned.security
		target := was
		if e := in.EncryptionInfo; e != nil {
			if !c.keepsKey(keyOf(e)) {
				return plan{}, badRequest(parameter, "Updating encryption-at-rest settings on your cluster is not currently supported.")
			}
			if t := e.EncryptionInTransit; t != nil {
				if or(t.InCluster, was.InCluster) != was.InCluster {
					return plan{}, badRequest(parameter, "Updating the inter-broker encryption setting on your cluster is not currently supported.")
				}
				target.ClientBroker = or(t.ClientBroker, was.ClientBroker)
			}
		}
		target.overlay(in.ClientAuthentication)
		if target.equal(was) {
			return plan{}, badRequest("", "The request does not include any updates to the security setting of the cluster. Verify the request, then try again.")
		}
		if err := checkSecurity(&target); err != nil {
			return plan{}, err
		}
		if err := checkPartitions(f.held, c.Provisioned.InstanceType); err != nil {
			return plan{}, err
		}
		if err := c.reachable(target, f.current); err != nil {
			return plan{}, err
		}
		if len(authorities) > 0 {
			if err := checkAuthorities(&target, f.active); err != nil {
				return plan{}, err
			}
		}
		return plan{
			kind: updateSecurity, source: settings{Security: &was}, target: settings{Security: &target},
			acts: []act{{Kind: put}},
		}, nil
	}}, nil
}

// overlay takes over what a request says of how clients authenticate.
func (s *security) overlay(a *kafka.ClientAuthentication) {
	if a == nil {
		return
	}
	s.Stated.note(a)
	if a.Sasl != nil && a.Sasl.Scram != nil {
		s.SCRAM = or(a.Sasl.Scram.Enabled, s.SCRAM)
	}
	if a.Sasl != nil && a.Sasl.Iam != nil {
		s.IAM = or(a.Sasl.Iam.Enabled, s.IAM)
	}
	if a.Tls != nil {
		if a.Tls.CertificateAuthorityArnList != nil {
			s.Authorities = slices.Clone(a.Tls.CertificateAuthorityArnList)
		}
		s.TLSAuth = or(a.Tls.Enabled, len(s.Authorities) > 0)
	}
	if a.Unauthenticated != nil {
		s.Unauthenticated = or(a.Unauthenticated.Enabled, s.Unauthenticated)
	}
}
