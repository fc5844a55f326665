package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awskafka "github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"

	"github.com/millrace/millrace/audit/trail"
	"github.com/millrace/millrace/aws/acmpca"
	"github.com/millrace/millrace/aws/api"
	"github.com/millrace/millrace/aws/cloudwatch"
	"github.com/millrace/millrace/aws/ec2"
	"github.com/millrace/millrace/aws/eventlog"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/kms"
	"github.com/millrace/millrace/aws/logs"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/msktopics"
	"github.com/millrace/millrace/aws/oidc"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/aws/secretsmanager"
	"github.com/millrace/millrace/store"
	"github.com/millrace/millrace/vfs"
)

const region = "us-east-1"

// system is a handler over real cores and a real store; nothing runs clusters,
// so they stay CREATING.
type system struct {
	url   string
	root  key
	iam   *iam.Service
	msk   *msk.Service
	ec2   *ec2.Service
	again func() http.Handler // one more over the same cores
	// logging is one more that logs
	logging func(*slog.Logger) http.Handler
}

// key is an access key as clients hold it.
type key struct{ AccessKeyID, Secret string }

// networkOver is ec2 over a store, with what msk asks of it.
func networkOver(st *store.Store) (*ec2.Service, func(context.Context, model.Caller, string) (msk.Subnet, bool, error)) {
	network := ec2.New(ec2.Config{Store: st, Now: time.Now, Random: rand.Reader})
	return network, func(ctx context.Context, c model.Caller, id string) (msk.Subnet, bool, error) {
		s, ok, err := network.Subnet(ctx, c, id)
		return msk.Subnet{Zone: s.Zone, ZoneID: s.ZoneID, VPC: s.VPC, Public: s.Public}, ok, err
	}
}

// allOfKafka is MSK's operations; those of topics are tested where there are brokers.
type allOfKafka struct {
	*msk.Service
	*msktopics.Topics
}

func start(t *testing.T) system { return startWith(t, nil) }

func startWith(t *testing.T, record *trail.Trail) system {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	identity, err := iam.New(t.Context(), iam.Config{Store: st, Random: rand.Reader, Issuers: oidc.NewFetcher(oidc.Config{Loopback: true})})
	if err != nil {
		t.Fatal(err)
	}
	network, subnetOf := networkOver(st)
	clusters := msk.New(msk.Config{
		Store: st, Now: time.Now, Random: rand.Reader,
		Subnet: subnetOf,
	})
	ring := seal.New()
	keys := kms.New(kms.Config{Store: st, Ring: ring, Now: time.Now, Random: rand.Reader})
	events, err := eventlog.Open(eventlog.Config{FS: vfs.NewMemory(), Dir: "/logs"})
	if err != nil {
		t.Fatal(err)
	}
	logging := func(log *slog.Logger) http.Handler {
		return api.New(api.Config{
			Identity: identity, Authorizer: identity, Kafka: allOfKafka{clusters, nil}, EC2: network, STS: identity, IAM: identity, Audit: record,
			KMS: keys, Secrets: secretsmanager.New(secretsmanager.Config{Store: st, Keys: keys, Now: time.Now, Random: rand.Reader}),
			Logs:       logs.New(logs.Config{Store: st, Events: events, Now: time.Now, Random: rand.Reader}),
			PCA:        acmpca.New(acmpca.Config{Store: st, Ring: ring, Now: time.Now, Random: rand.Reader}),
			CloudWatch: cloudwatch.New(cloudwatch.Config{Store: st, Now: time.Now}),
			Ready:      func() bool { return true }, Version: "test", Log: log,
		})
	}
	again := func() http.Handler { return logging(slog.New(slog.DiscardHandler)) }
	srv := httptest.NewServer(again())
	t.Cleanup(srv.Close)
	return system{srv.URL, key{identity.Root().AccessKeyID, identity.Root().Secret.Reveal()}, identity, clusters, network, again, logging}
}

func (s system) client(keyID, secret string) *awskafka.Client {
	return awskafka.New(awskafka.Options{
		Region: region, BaseEndpoint: aws.String(s.url), Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, ""),
		RetryMaxAttempts: 1,
	})
}

func (s system) create(t *testing.T, name string) (*awskafka.CreateClusterV2Output, error) {
	t.Helper()
	return s.client(s.root.AccessKeyID, s.root.Secret).CreateClusterV2(t.Context(), &awskafka.CreateClusterV2Input{
		ClusterName: aws.String(name),
		Tags:        map[string]string{"team": "rails"},
		Provisioned: &types.ProvisionedRequest{
			KafkaVersion: aws.String("3.9.x"), NumberOfBrokerNodes: aws.Int32(18), // more than the model's 15
			BrokerNodeGroupInfo: &types.BrokerNodeGroupInfo{
				ClientSubnets: ec2.DefaultVPCOf(iam.AccountID, region).SubnetIDs, InstanceType: aws.String("kafka.m5.large"),
			},
		},
	})
}

func TestSDKRoundTrip(t *testing.T) {
	s := start(t)
	c := s.client(s.root.AccessKeyID, s.root.Secret)
	made, err := s.create(t, "orders")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.DescribeClusterV2(t.Context(), &awskafka.DescribeClusterV2Input{ClusterArn: made.ClusterArn})
	if err != nil {
		t.Fatal(err)
	}
	info := got.ClusterInfo
	if info.State != types.ClusterStateCreating || aws.ToString(info.ClusterName) != "orders" || info.Tags["team"] != "rails" ||
		aws.ToInt32(info.Provisioned.NumberOfBrokerNodes) != 18 || time.Since(aws.ToTime(info.CreationTime)) > time.Minute {
		t.Errorf("described %+v", info)
	}
	if _, err := c.TagResource(t.Context(), &awskafka.TagResourceInput{ResourceArn: made.ClusterArn, Tags: map[string]string{"a": "b"}}); err != nil {
		t.Error(err)
	}
	tags, err := c.ListTagsForResource(t.Context(), &awskafka.ListTagsForResourceInput{ResourceArn: made.ClusterArn})
	if err != nil || len(tags.Tags) != 2 {
		t.Errorf("tags %v, %v", tags, err)
	}
}

func TestErrorsAreTheModels(t *testing.T) {
	s := start(t)
	c := s.client(s.root.AccessKeyID, s.root.Secret)
	if _, err := s.create(t, "orders"); err != nil {
		t.Fatal(err)
	}
	_, err := s.create(t, "orders")
	var conflict *types.ConflictException
	if !errors.As(err, &conflict) || aws.ToString(conflict.InvalidParameter) != "clusterName" {
		t.Errorf("a second cluster of the name: %v", err)
	}
	_, err = s.create(t, "under_score")
	var bad *types.BadRequestException
	if !errors.As(err, &bad) || aws.ToString(bad.InvalidParameter) != "clusterName" {
		t.Errorf("a bad name: %v", err)
	}
	_, err = c.DescribeClusterV2(t.Context(), &awskafka.DescribeClusterV2Input{
		ClusterArn: aws.String("arn:aws:kafka:us-east-1:000000000000:cluster/none/11111111-2222-3333-4444-555555555555-1"),
	})
	var missing *types.NotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("an unknown ARN: %v", err)
	}
	_, err = c.DescribeReplicator(t.Context(), &awskafka.DescribeReplicatorInput{ReplicatorArn: aws.String("arn:x/y")})
	if err == nil || !strings.Contains(err.Error(), "millrace does not implement kafka:DescribeReplicator yet") {
		t.Errorf("an operation that is not served: %v", err)
	}
}

// call is one signed request that a test may spoil before or after signing.
type call struct {
	service, method, path, body, contentType string
	keyID, secret                            string
	at                                       time.Time
	before, after                            func(*http.Request)
}

func (s system) send(t *testing.T, c call) (status int, body, errorType string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), c.method, s.url+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.contentType != "" {
		r.Header.Set("Content-Type", c.contentType)
	}
	if c.before != nil {
		c.before(r)
	}
	sum := sha256.Sum256([]byte(c.body))
	cred := aws.Credentials{AccessKeyID: c.keyID, SecretAccessKey: c.secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), cred, r, hex.EncodeToString(sum[:]), c.service, region, c.at); err != nil {
		t.Fatal(err)
	}
	if c.after != nil {
		c.after(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("Date") == "" || resp.Header.Get("x-amzn-RequestId") == "" {
		t.Error("an answer without Date or request id")
	}
	return resp.StatusCode, string(data), resp.Header.Get("x-amzn-ErrorType")
}

// protocols is one call that succeeds in each protocol, and where its error
// code stands.
var protocols = []struct {
	call call
	code func(body, errorType string) string
}{
	{call{service: "kafka", method: "GET", path: "/v1/kafka-versions"}, func(_, errorType string) string { return errorType }},
	{call{service: "sts", method: "POST", path: "/", body: "Action=GetCallerIdentity&Version=2011-06-15", contentType: "application/x-www-form-urlencoded"}, xmlCode},
	{call{service: "ec2", method: "POST", path: "/", body: "Action=DescribeVpcs&Version=2016-11-15", contentType: "application/x-www-form-urlencoded"}, xmlCode},
}

var codeElement = regexp.MustCompile(`<Code>([^<]*)</Code>`)

func xmlCode(body, _ string) string {
	if m := codeElement.FindStringSubmatch(body); m != nil {
		return m[1]
	}
	return ""
}

func TestSignatures(t *testing.T) {
	s := start(t)
	for _, tc := range []struct {
		name  string
		spoil func(*call)
		want  [3]string // kafka, sts, ec2; "" is success
	}{
		{"good", func(*call) {}, [3]string{}},
		{"unknown key", func(c *call) { c.keyID = "AKIAIOSFODNN7EXAMPLE" }, [3]string{"403 UnrecognizedClientException", "403 InvalidClientTokenId", "401 AuthFailure"}},
		{"wrong secret", func(c *call) { c.secret = "wrong" }, [3]string{"403 InvalidSignatureException", "403 SignatureDoesNotMatch", "401 AuthFailure"}},
		{"altered header", func(c *call) {
			c.before = func(r *http.Request) { r.Header.Set("x-amz-meta", "a") }
			c.after = func(r *http.Request) { r.Header.Set("x-amz-meta", "b") }
		}, [3]string{"403 InvalidSignatureException", "403 SignatureDoesNotMatch", "401 AuthFailure"}},
		{"unsigned x-amz header", func(c *call) {
			c.after = func(r *http.Request) { r.Header.Set("x-amz-extra", "x") }
		}, [3]string{"400 IncompleteSignatureException", "400 IncompleteSignature", "400 IncompleteSignature"}},
		{"altered body", func(c *call) {
			c.after = func(r *http.Request) {
				data := []byte(c.body + " ")
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
			}
		}, [3]string{"403 InvalidSignatureException", "403 SignatureDoesNotMatch", "401 AuthFailure"}},
		{"stale date", func(c *call) { c.at = time.Now().Add(-6 * time.Minute) }, [3]string{"403 InvalidSignatureException", "403 SignatureDoesNotMatch", "400 RequestExpired"}},
		{"future date", func(c *call) { c.at = time.Now().Add(6 * time.Minute) }, [3]string{"403 InvalidSignatureException", "403 SignatureDoesNotMatch", "400 RequestExpired"}},
		{"within the clock skew", func(c *call) { c.at = time.Now().Add(-4 * time.Minute) }, [3]string{}},
		{"malformed", func(c *call) {
			c.after = func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") }
		}, [3]string{"400 IncompleteSignatureException", "400 IncompleteSignature", "400 IncompleteSignature"}},
	} {
		for i, p := range protocols {
			c := p.call
			c.keyID, c.secret, c.at = s.root.AccessKeyID, s.root.Secret, time.Now()
			tc.spoil(&c)
			status, body, errorType := s.send(t, c)
			got := ""
			if status != http.StatusOK {
				got = strconv.Itoa(status) + " " + p.code(body, errorType)
			}
			if got != tc.want[i] {
				t.Errorf("%s, %s: got %q, want %q (%s)", tc.name, c.service, got, tc.want[i], body)
			}
		}
	}
}

func TestUnsignedAndPublic(t *testing.T) {
	s := start(t)
	for _, tc := range []struct {
		method, path string
		status       int
		contains     string
	}{
		{"GET", "/v1/clusters", http.StatusForbidden, "Missing Authentication Token"},
		{"GET", "/?Action=GetCallerIdentity&Version=2011-06-15", http.StatusForbidden, "<Code>MissingAuthenticationToken</Code>"},
		{"GET", "/?Action=DescribeVpcs&Version=2016-11-15", http.StatusUnauthorized, "<Response><Errors><Error><Code>AuthFailure</Code>"},
		{"GET", "/?Version=2011-06-15&Action=AssumeRoleWithWebIdentity&WebIdentityToken=x", http.StatusBadRequest, "Value null at"},
		{"GET", "/?Version=2011-06-15&Action=AssumeRoleWithSAML&SAMLAssertion=x", http.StatusNotImplemented, "millrace does not implement sts:AssumeRoleWithSAML yet"},
		{"OPTIONS", "/v1/clusters", http.StatusOK, ""},
		{"GET", "/_millrace/health", http.StatusOK, `"status":"running"`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tc.method, s.url+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tc.status || !strings.Contains(string(data), tc.contains) {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, resp.StatusCode, data)
		}
	}
}

func TestBadBodies(t *testing.T) {
	s := start(t)
	for _, tc := range []struct {
		name, body string
		status     int
		message    string
	}{
		{"not JSON", `{"clusterName":`, 400, "Invalid request body"},
		{"a wrong type", `{"clusterName":7}`, 400, "Invalid request body"},
		{"a member twice", `{"clusterName":"a","clusterName":"b"}`, 400, "Invalid request body"},
		{"deep nesting", strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), 400, "Invalid request body"},
		{"as deep as may be", strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64), 400, "The parameter clusterName is required."},
		{"two values", `{} {}`, 400, "Invalid request body"},
		{"not an object", `[]`, 400, "Invalid request body"},
		{"too large", `{"x":"` + strings.Repeat("y", 1<<20) + `"}`, 413, "larger than 1048576 bytes"},
		{"another spelling", `{"ClusterName":"a"}`, 400, "The parameter clusterName is required."},
		{"nothing", ``, 400, "The parameter clusterName is required."},
	} {
		status, body, _ := s.send(t, call{
			service: "kafka", method: "POST", path: "/api/v2/clusters", body: tc.body,
			keyID: s.root.AccessKeyID, secret: s.root.Secret, at: time.Now(),
		})
		if status != tc.status || !strings.Contains(body, tc.message) {
			t.Errorf("%s: %d %s, want %d %s", tc.name, status, body, tc.status, tc.message)
		}
	}
}

func TestServicesThatAreNotThere(t *testing.T) {
	s := start(t)
	form := "application/x-www-form-urlencoded"
	for _, tc := range []struct{ service, contentType, want string }{
		{"dynamodb", "application/x-amz-json-1.0", `"__type":"NotImplementedException"`},
		{"sqs", form, "<Code>NotImplemented</Code>"},
		{"s3", "", "<Error><Code>NotImplemented</Code>"},
	} {
		status, body, _ := s.send(t, call{
			service: tc.service, method: "POST", path: "/", contentType: tc.contentType,
			keyID: s.root.AccessKeyID, secret: s.root.Secret, at: time.Now(),
		})
		if status != http.StatusNotImplemented || !strings.Contains(body, tc.want) || !strings.Contains(body, "millrace does not implement the service "+tc.service) {
			t.Errorf("%s: %d %s", tc.service, status, body)
		}
	}
}

func TestNetworkAnswers(t *testing.T) {
	s := start(t)
	ask := func(form string) (int, string) {
		status, body, _ := s.send(t, call{
			service: "ec2", method: "POST", path: "/", body: form + "&Version=2016-11-15", contentType: "application/x-www-form-urlencoded",
			keyID: s.root.AccessKeyID, secret: s.root.Secret, at: time.Now(),
		})
		return status, body
	}
	v := ec2.DefaultVPCOf(iam.AccountID, region)
	if status, body := ask("Action=DescribeSubnets&Filter.1.Name=availability-zone&Filter.1.Value.1=us-east-1b"); status != 200 ||
		!strings.Contains(body, "<subnetSet><item>") || strings.Count(body, "<item>") != 1 || !strings.Contains(body, v.SubnetIDs[1]) {
		t.Errorf("filtered subnets: %d %s", status, body)
	}
	if status, body := ask("Action=DescribeSubnets&SubnetId.1=subnet-0"); status != 400 || !strings.Contains(body, "InvalidSubnetID.NotFound") {
		t.Errorf("an unknown subnet: %d %s", status, body)
	}
	if status, body := ask("Action=DescribeSecurityGroups"); status != 200 || !strings.Contains(body, v.SecurityGroupID) {
		t.Errorf("security groups: %d %s", status, body)
	}
	if status, body := ask("Action=DescribeAvailabilityZones"); status != 200 || strings.Count(body, "<zoneName>") != 3 {
		t.Errorf("zones: %d %s", status, body)
	}
	if status, body := ask("Action=RunInstances"); status != 501 || !strings.Contains(body, "ec2:RunInstances") {
		t.Errorf("an operation that is not served: %d %s", status, body)
	}
}
