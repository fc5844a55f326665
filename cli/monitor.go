package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
)

// printExporters shows where Prometheus reads a cluster with open monitoring.
func (c *api) printExporters(ctx context.Context, table *tabwriter.Writer, cluster types.Cluster) error {
	p := cluster.Provisioned
	if p == nil || p.OpenMonitoring == nil || p.OpenMonitoring.Prometheus == nil {
		return nil
	}
	jmx, node := p.OpenMonitoring.Prometheus.JmxExporter, p.OpenMonitoring.Prometheus.NodeExporter
	if (jmx == nil || !aws.ToBool(jmx.EnabledInBroker)) && (node == nil || !aws.ToBool(node.EnabledInBroker)) {
		return nil
	}
	var out struct {
		Exporters []struct {
			Broker        int
			Kind, Address string
			Port          int
		}
	}
	if err := c.own(ctx, http.MethodGet, "/clusters/"+url.PathEscape(aws.ToString(cluster.ClusterArn))+"/exporters", nil, &out); err != nil {
		return fmt.Errorf("ask where open monitoring is: %w", err)
	}
	for _, x := range out.Exporters {
		fmt.Fprintf(table, "  prometheus %s of broker %d\thttp://%s/metrics\n", x.Kind, x.Broker, x.Address)
	}
	return nil
}
