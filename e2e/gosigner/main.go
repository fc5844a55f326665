//go:build e2e

// Command gosigner writes one line to a topic as AWS's signer for Go makes it
// somebody: of the credentials that the AWS SDK finds, of a profile, or of a role.
//
//	gosigner BROKERS TOPIC LINE [profile NAME | role ARN SESSION]
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 4 {
		log.Fatal("gosigner BROKERS TOPIC LINE [profile NAME | role ARN SESSION]")
	}
	if err := write(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		log.Fatal(err)
	}
}

func write(brokers, topic, line string, as []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := token(ctx, as); err != nil { // a client would try again and again
		return err
	}
	pem, err := os.ReadFile(os.Getenv("MILLRACE_CA_PEM"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.DialTLSConfig(&tls.Config{RootCAs: pool}), kgo.RequestRetries(2),
		kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, err := token(ctx, as)
			return oauth.Auth{Token: token}, err
		})),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(line)}).FirstErr()
}

func token(ctx context.Context, as []string) (token string, err error) {
	region := os.Getenv("AWS_REGION")
	switch {
	case len(as) == 0:
		token, _, err = signer.GenerateAuthToken(ctx, region)
	case as[0] == "profile" && len(as) == 2:
		token, _, err = signer.GenerateAuthTokenFromProfile(ctx, region, as[1])
	case as[0] == "role" && len(as) == 3:
		token, _, err = signer.GenerateAuthTokenFromRole(ctx, region, as[1], as[2])
	default:
		err = fmt.Errorf("%q is neither a profile nor a role with its session", as)
	}
	return token, err
}
