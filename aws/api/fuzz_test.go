package api

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/kafka"
)

// FuzzJSONBody decodes any body as an input of kafka: what is accepted is valid
// JSON, no deeper than the limit, and decodes the same from its compact form.
func FuzzJSONBody(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `[1]`, `{"clusterName":"a","numberOfBrokerNodes":3}`, `{"a":1,"a":2}`, `{"tags":{"a":"b"}}`, `{"tags":{"a":null}}`,
		`{"brokerNodeGroupInfo":{"clientSubnets":["a",null]}}`, strings.Repeat(`[`, 70), `{"x":"\ud800"}`, `{} {}`, `{"a":{"a":1},"b":[{"a":1},{"a":2}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if checkJSON(body) != nil || len(body) == 0 {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("accepted %q, which is not JSON", body)
		}
		in := new(kafka.CreateClusterRequest)
		r := model.Input{Body: body}
		r.JSON(in)
		_ = in.Validate()
		var doc any
		if err := json.Unmarshal(body, &doc); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkJSON(again); err != nil {
			t.Fatalf("accepted %q, refused the same as %q", body, again)
		}
	})
}

// FuzzRoute routes any path and form: no input may panic, and an operation that
// is found has every segment that its template names.
func FuzzRoute(f *testing.F) {
	f.Add("GET", "/v1/clusters/arn%3Aaws%3Akafka%2Fx/nodes", "")
	f.Add("DELETE", "/v1/tags/%", "")
	f.Add("POST", "/", "Action=DescribeSubnets&Filter.1.Name=a&Filter.1.Value.1=b&SubnetId.1=c")
	f.Add("POST", "/", "Action=CreateUser&UserName=a&Tags.member.1.Key=k&Tags.member.1.Value=v")
	f.Add("POST", "/?Action=DescribeVpcs", "MaxResults=x&DryRun=maybe&%zz")
	services := []*service{
		{"kafka", restJSON{}, kafka.Operations(nil), kafka.Others},
		{"ec2", ec2Query{}, ec2.Operations(nil), ec2.Others},
		{"iam", query{}, shape.Operations(nil), shape.Others},
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.URL = method, u
		for _, s := range services {
			op, in, err := s.protocol.route(r, s, []byte(body))
			if err != nil {
				continue
			}
			if strings.Count(op.Path, "{") != len(in.Segments) {
				t.Fatalf("%s %s: %s with segments %v", method, path, op.Name, in.Segments)
			}
			if req, err := op.Decode(in); err == nil {
				_ = req.Validate()
			}
		}
	})
}
