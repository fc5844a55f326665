package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/millrace/millrace/aws/ec2"
)

// silence is how long a client waits before it calls a broker silent.
const silence = 250 * time.Millisecond

// hears says whether the first broker of some addresses answers a new client:
// whoever does not hear has connected all the same.
func hears(t *testing.T, addresses string) bool {
	t.Helper()
	at, _, _ := strings.Cut(addresses, ",")
	nc, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(silence)) // a TCP connection takes one
	err = tls.Client(nc, &tls.Config{InsecureSkipVerify: true}).Handshake()
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a client that hears nothing: %v", err)
	}
	return err == nil
}

// soon waits until a broker answers new clients, or does not any more.
func soon(t *testing.T, addresses string, want bool, when string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); hears(t, addresses) != want; {
		if time.Now().After(end) {
			t.Fatalf("%s: new clients hear %v", when, !want)
		}
	}
}

// TestSecurityGroupsOnTheWire: rules decide who is answered, port by port, and
// only when connections begin.
func TestSecurityGroupsOnTheWire(t *testing.T) {
	w := newCloud(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	group := ec2.DefaultVPCOf("000000000000", w.Region()).SecurityGroupID
	rule := func(action string, fields ...string) {
		t.Helper()
		w.form(nil, "ec2", nil, append([]string{"Action=" + action, "GroupId=" + group}, fields...)...)
	}
	from := func(cidr string) []string {
		return []string{"IpPermissions.1.IpProtocol=tcp", "IpPermissions.1.FromPort=9098", "IpPermissions.1.ToPort=9098", "IpPermissions.1.IpRanges.1.CidrIp=" + cidr}
	}

	soon(t, w.c.IAM, true, "of the default group")
	soon(t, w.c.SCRAM, true, "of the default group")
	before := w.client(aws.Credentials{AccessKeyID: w.AccessKeyID(), SecretAccessKey: w.SecretAccessKey()})
	if err := produce(ctx, before, "1"); err != nil {
		t.Fatal(err)
	}
	rule("RevokeSecurityGroupIngress", "IpPermissions.1.IpProtocol=-1", "IpPermissions.1.Groups.1.GroupId="+group)
	soon(t, w.c.IAM, false, "without a rule")
	if hears(t, w.c.SCRAM) || hears(t, w.c.TLS) {
		t.Error("a listener answers without a rule")
	}
	if err := produce(ctx, before, "2"); err != nil {
		t.Error("the connections of before:", err)
	}
	rule("AuthorizeSecurityGroupIngress", from("10.0.0.0/8")...)
	rule("AuthorizeSecurityGroupIngress", from("172.31.16.0/20")...) // a part of the VPC
	soon(t, w.c.IAM, true, "with a rule for the VPC")
	if hears(t, w.c.SCRAM) {
		t.Error("a rule for 9098 opens 9096")
	}
	rule("RevokeSecurityGroupIngress", from("172.31.16.0/20")...)
	soon(t, w.c.IAM, false, "with a rule for others")
	if err := produce(ctx, before, "3"); err != nil {
		t.Error("the connections of before:", err)
	}
	rule("AuthorizeSecurityGroupIngress", from("127.0.0.0/8")...)
	soon(t, w.c.IAM, true, "with a rule for the client's own address")
}
