package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
)

// Clusters on their way to Express brokers.
const (
	standardKind = "standard" // of Standard brokers that can be upgraded
	mixedKind    = "mixed"    // with Express brokers too, which have no topic yet
	movedKind    = "moved"    // whose topics are all with Express brokers
)

// call asks MSK's API for what the SDK does not know yet, about a cluster.
func (v *victim) call(method string, c types.Cluster, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.env["AWS_ENDPOINT_URL"]+"/v1/clusters/"+url.PathEscape(*c.ClusterArn)+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	who := aws.Credentials{AccessKeyID: v.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: v.env["AWS_SECRET_ACCESS_KEY"]}
	if err := v4.NewSigner().SignHTTP(v.t.Context(), who, r, hex.EncodeToString(sum[:]), "kafka", v.env["AWS_REGION"], time.Now()); err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return json.Unmarshal(text, out)
}

// errands is an answer of ListAssessments, or of ListTopicReassignments.
type errands struct {
	Assessments, Reassignments []struct{ Status string }
}

// errandsDone waits until no assessment and no topic reassignment of a cluster is
// under way, and wants all to have ended well.
func (v *victim) errandsDone(c types.Cluster) {
	v.t.Helper()
	for _, path := range []string{"/assessments", "/topic-reassignments"} {
		v.until(path+" done", func() bool {
			var all errands
			if err := v.call(http.MethodGet, c, path, struct{}{}, &all); err != nil {
				return strings.Contains(err.Error(), "404 Not Found") // the cluster is deleted
			}
			for _, e := range append(all.Assessments, all.Reassignments...) {
				if e.Status == "FAILED" {
					v.t.Fatalf("%s: %+v:\n%s", path, all, v.words.String())
				}
				if e.Status != "COMPLETE" {
					return false
				}
			}
			return true
		})
	}
}

// typed begins an UpdateBrokerType.
func (v *victim) typed(c types.Cluster, target, mode string) error {
	in := map[string]string{"currentVersion": *c.CurrentVersion, "targetInstanceType": target, "topicReassignment": mode}
	return v.call(http.MethodPut, c, "/nodes/type", in, &struct{}{})
}

// moveAll begins to move all topics.
func (v *victim) moveAll(c types.Cluster) error {
	in := map[string]any{"targetInstanceType": "express.m7g.large", "topicsToInclude": []string{".*"}}
	return v.call(http.MethodPost, c, "/topic-reassignments", in, &struct{}{})
}

// upgradeTo brings a cluster to where a kind is.
func (v *victim) upgradeTo(kind string, c types.Cluster) {
	v.t.Helper()
	if kind != mixedKind && kind != movedKind {
		return
	}
	if err := v.typed(c, bothTypes, "MANUAL"); err != nil {
		v.t.Fatal(err)
	}
	v.settled()
	if kind == movedKind {
		if err := v.moveAll(c); err != nil {
			v.t.Fatal(err)
		}
		v.errandsDone(c)
	}
}

// operations is how many operations a cluster has after a change.
func (ch change) operations() int {
	before := map[string]int{mixedKind: 1, movedKind: 1}[ch.on]
	if ch.name == "StartTopicReassignment" || ch.name == "CreateAssessment" {
		return before
	}
	return before + 1
}

// upgrades are the steps of upgrades to Express brokers.
func upgrades() []change {
	shows := func(want string) func(types.Cluster) error {
		return showing("type", func(c types.Cluster) any { return *c.Provisioned.BrokerNodeGroupInfo.InstanceType }, want)
	}
	typed := func(target, mode string) func(*victim, types.Cluster) error {
		return func(v *victim, c types.Cluster) error { return v.typed(c, target, mode) }
	}
	return []change{
		{"CreateAssessment", standardKind, func(v *victim, c types.Cluster) error {
			return v.call(http.MethodPost, c, "/assessments", map[string]string{"assessmentType": "UPDATE_BROKER_TYPE"}, &struct{}{})
		}, nil},
		{"UpdateBrokerType to both", standardKind, typed(bothTypes, "AUTO"), shows(bothTypes)},
		{"StartTopicReassignment", mixedKind, func(v *victim, c types.Cluster) error { return v.moveAll(c) }, shows(bothTypes)},
		{"UpdateBrokerType to Express", movedKind, typed("express.m7g.large", "MANUAL"), shows("express.m7g.large")},
		{"UpdateBrokerType back", mixedKind, typed("kafka.m5.large", "MANUAL"), shows("kafka.m5.large")},
	}
}
