//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
)

// TestTerraformConnectivity shows it.
//
// Works: Terraform: public access and multi-VPC connectivity of aws_msk_cluster, changed in place, and aws_msk_vpc_connection, without drift
func TestTerraformConnectivity(t *testing.T) {
	t.Parallel()
	i := start(t)
	tf := i.terraform("connectivity")
	tf.apply(4, 0, 0)
	pem, err := os.ReadFile(i.env["MILLRACE_CA_PEM"])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	reached := func(addresses *string) error {
		first, _, _ := strings.Cut(aws.ToString(addresses), ",")
		conn, err := tls.Dial("tcp", first, &tls.Config{RootCAs: pool})
		if err == nil {
			conn.Close()
		}
		return err
	}
	at := func() *kafka.GetBootstrapBrokersOutput {
		list, err := i.msk().ListClustersV2(t.Context(), &kafka.ListClustersV2Input{})
		if err != nil || len(list.ClusterInfoList) != 1 {
			t.Fatal(list, err)
		}
		b, err := i.msk().GetBootstrapBrokers(t.Context(), &kafka.GetBootstrapBrokersInput{ClusterArn: list.ClusterInfoList[0].ClusterArn})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	private := at().BootstrapBrokerStringVpcConnectivitySaslIam
	if err := reached(private); err != nil {
		t.Error("over the VPC connection:", err)
	}
	changed := []string{"-var=public=SERVICE_PROVIDED_EIPS", "-var=connected=false"}
	tf.apply(0, 1, 1, changed...)
	changed = append(changed, "-var=passwords=true") // one setting of connectivity in each update
	tf.apply(0, 1, 0, changed...)
	if err := reached(at().BootstrapBrokerStringPublicSaslIam); err != nil {
		t.Error("from outside:", err)
	}
	if err := reached(private); err == nil {
		t.Error("a client came in without a VPC connection")
	}
	if status := i.cli("", "status"); !strings.Contains(status, "  public SCRAM") || !strings.Contains(status, "  other VPCs IAM") {
		t.Errorf("status does not tell the ways in from elsewhere:\n%s", status)
	}
	tf.destroy(3, changed...)
}
