//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestServiceQuotas shows it.
//
// Works: AWS CLI: service quotas of MSK shown and raised; Express clusters made, rebalancing paused
func TestServiceQuotas(t *testing.T) {
	i := start(t)
	a := i.aws()
	quotas := func(out any, args ...string) {
		t.Helper()
		text := a.must("", a.path, append([]string{"service-quotas", "--output", "json"}, args...)...)
		if err := json.Unmarshal([]byte(text), out); err != nil {
			t.Fatalf("%v: %v in %s", args, err, text)
		}
	}
	var list struct {
		Quotas []struct {
			QuotaCode, QuotaName string
			Value                float64
		}
	}
	quotas(&list, "list-service-quotas", "--service-code", "kafka", "--page-size", "2")
	if len(list.Quotas) != 9 {
		t.Errorf("list-service-quotas: %+v", list)
	}
	var raised struct {
		RequestedQuota struct{ Id, Status string }
	}
	quotas(&raised, "request-service-quota-increase", "--service-code", "kafka", "--quota-code", "L-EDD31C36", "--desired-value", "120")
	if raised.RequestedQuota.Status != "APPROVED" {
		t.Errorf("request-service-quota-increase: %+v", raised)
	}
	var one struct{ Quota struct{ Value float64 } }
	quotas(&one, "get-service-quota", "--service-code", "kafka", "--quota-code", "L-EDD31C36")
	if one.Quota.Value != 120 {
		t.Errorf("get-service-quota: %+v", one)
	}
	if _, words, err := a.exec("", a.path, "service-quotas", "get-service-quota", "--service-code", "kafka", "--quota-code", "L-NONE"); err == nil || !strings.Contains(words, "NoSuchResourceException") {
		t.Errorf("a quota that is not there: %v, %s", err, words)
	}
	var made struct{ ClusterArn string }
	nodes := `{"InstanceType":"express.m7g.large","ClientSubnets":["` + strings.Join(i.subnets(), `","`) + `"]}`
	a.kafka(&made, "create-cluster", "--cluster-name", "express", "--kafka-version", "3.9.x.kraft", "--number-of-broker-nodes", "3", "--broker-node-group-info", nodes)
	i.cli("", "wait", "--cluster", "express", "--timeout", "30s")
	var described struct {
		ClusterInfo struct {
			CurrentVersion      string
			Rebalancing         struct{ Status string }
			BrokerNodeGroupInfo struct{ StorageInfo any }
		}
	}
	a.kafka(&described, "describe-cluster", "--cluster-arn", made.ClusterArn)
	if got := described.ClusterInfo; got.Rebalancing.Status != "ACTIVE" || got.BrokerNodeGroupInfo.StorageInfo != nil {
		t.Errorf("describe-cluster: %+v", got)
	}
	a.kafka(nil, "update-rebalancing", "--cluster-arn", made.ClusterArn, "--current-version", described.ClusterInfo.CurrentVersion, "--rebalancing", "Status=PAUSED")
	i.cli("", "wait", "--cluster", "express", "--timeout", "30s")
	a.kafka(&described, "describe-cluster", "--cluster-arn", made.ClusterArn)
	if described.ClusterInfo.Rebalancing.Status != "PAUSED" {
		t.Errorf("after update-rebalancing: %+v", described.ClusterInfo)
	}
}
