package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/audit/trail"
	"github.com/millrace/millrace/aws/acmpca"
	"github.com/millrace/millrace/aws/api"
	autoscaling "github.com/millrace/millrace/aws/applicationautoscaling"
	"github.com/millrace/millrace/aws/cloudwatch"
	"github.com/millrace/millrace/aws/ec2"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/kms"
	"github.com/millrace/millrace/aws/logs"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/s3"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/aws/secretsmanager"
	"github.com/millrace/millrace/aws/servicequotas"
	"github.com/millrace/millrace/aws/ssm"
	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/kafka/wire"
	"github.com/millrace/millrace/pki"
	"github.com/millrace/millrace/store"
	"github.com/millrace/millrace/vfs"
)

// System is every part of a running server, in the order in which they are
// built and started.
type System struct {
	cfg   Config
	store *store.Store
	iam   *iam.Service
	root  iam.Credential // the account's root credential
	vpc   ec2.DefaultVPC // of the configured region
	ec2   *ec2.Service
	pki   *pki.Authority
	msk   *msk.Service
	audit *trail.Trail // nil: nothing is recorded

	auditCopy *auditCopy // nil: it goes to no log group

	kms     *kms.Service
	secrets *secretsmanager.Service
	pca     *acmpca.Service
	logs    *logs.Service
	quotas  *servicequotas.Service
	s3      *s3.Service
	s3Index *store.Store

	parameters  *ssm.Service
	autoscaling *autoscaling.Service

	driver *embedded
	fleet  *fleet.Fleet
	http   *http.Server
	ln     net.Listener
	files  *certificateFiles // nil: the API has no certificate of somebody else's
	began  chan struct{}     // closed when Run serves
	ready  atomic.Bool

	metering
}

// Limits of the API's HTTP server: what an unauthenticated peer may cost.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	stopTimeout       = 5 * time.Second // for calls under way at stop
)

// KeyFile is the file in the data directory that holds the key of all secrets.
const KeyFile = "key"

// New builds every part over the data directory, which it makes when missing,
// and binds the API's address. On error nothing is left open.
func New(cfg Config) (*System, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	s := &System{cfg: cfg, metering: metering{own: newOwnMetrics()}, began: make(chan struct{})}
	if err := s.build(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *System) build() (err error) {
	if s.cfg.DataDir, err = filepath.Abs(s.cfg.DataDir); err != nil {
		return err
	}
	if err = vfs.MakeDirs(vfs.OS, s.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if s.cfg.Secure != nil {
		if err = checkModes(s.cfg.DataDir); err != nil {
			return err
		}
	}
	if s.store, err = store.Open(filepath.Join(s.cfg.DataDir, "state.db")); err != nil {
		return err
	}
	if err = syncDir(s.cfg.DataDir); err != nil { // the store syncs its file, not the file's name
		return err
	}
	if s.cfg.Audit {
		if err = s.openAudit(); err != nil {
			return err
		}
	}
	keys, _, err := seal.Load(filepath.Join(s.cfg.DataDir, KeyFile))
	if err != nil {
		return err
	}
	if s.iam, err = iam.New(context.Background(), iam.Config{Store: s.store, Random: rand.Reader, Keys: keys, Issuers: s.issuers()}); err != nil {
		return err
	}
	s.root = s.iam.Root()
	s.vpc = ec2.DefaultVPCOf(iam.AccountID, s.cfg.Region)
	if s.pki, err = pki.Open(filepath.Join(s.cfg.DataDir, "pki"), time.Now(), rand.Reader); err != nil {
		return err
	}
	trusted := make(chan error, 1)
	go func() { trusted <- s.pki.KeepTrustStore() }() // a JVM's roots take as long as all the rest
	defer func() { err = errors.Join(err, <-trusted) }()
	s.kms = kms.New(kms.Config{Store: s.store, Ring: keys, Now: time.Now, Random: rand.Reader, Missing: s.iam.MissingPrincipal})
	s.secrets = secretsmanager.New(secretsmanager.Config{Store: s.store, Keys: systemKeys{s}, Now: time.Now, Random: rand.Reader, Missing: s.iam.MissingPrincipal})
	s.pca = acmpca.New(acmpca.Config{Store: s.store, Ring: keys, Now: time.Now, Random: rand.Reader})
	if err = errors.Join(s.openLogs(context.Background()), s.openS3(keys)); err != nil {
		return err
	}
	s.quotas = servicequotas.New(servicequotas.Config{Store: s.store, Now: time.Now, Random: rand.Reader})
	s.ec2 = ec2.New(ec2.Config{Store: s.store, Now: time.Now, Random: rand.Reader, InUse: s.interfacesInUse})
	s.cloudwatch = cloudwatch.New(cloudwatch.Config{Store: s.store, Now: time.Now})
	mskConfig := msk.Config{
		Quotas: s.mskQuotas,
		Store:  s.store, Now: time.Now, Random: rand.Reader,
		Subnet: s.subnet, DefaultSecurityGroup: s.ec2.DefaultSecurityGroup, SecurityGroupVPC: s.ec2.SecurityGroupVPC, Runs: runs,
		Held:   func(arn string) (map[int32]msk.Held, bool) { return s.driver.held(arn) },
		Scan:   s.lookAtTopics,
		Secret: s.scramSecret, AuthorityActive: s.authorityActive, Key: s.atRestKey, LinkedRole: s.linkedRole,
		LogGroup: s.logs.GroupExists, Bucket: s.bucketExists, Missing: s.iam.MissingPrincipal,
	}
	if s.cfg.Realistic {
		mskConfig.Pace = msk.Realistic
	}
	s.msk = msk.New(mskConfig)
	s.parameters = s.newParameters()
	s.autoscaling = s.newAutoscaling()
	if s.driver, err = newEmbedded(s); err != nil {
		return err
	}
	s.fleet = fleet.New(fleet.Config{Clusters: s.msk, Driver: countedDriver{s.driver, s.own}, Failed: s.driver.failed, Log: s.cfg.Log})
	s.monitor = s.newMonitor()
	return s.bind()
}

// bind makes the API's handler and takes its address.
func (s *System) bind() (err error) {
	fallback, err := s.fallback()
	if err != nil {
		return err
	}
	handler := api.New(api.Config{
		Identity: s.iam, Authorizer: countedAuthorizer{s.authorizer(), s.own}, Called: s.own.called,
		Kafka: s.kafkaAPI(), EC2: s.ec2, STS: s.iam, IAM: s.iam, KMS: s.kms, Secrets: s.secrets, PCA: s.pca, Logs: s.logs, Quotas: s.quotas, CloudWatch: s.cloudwatch, S3: s.s3, S3Hosts: s.s3Hosts(),
		Parameters: s.parameters, Autoscaling: s.autoscaling, Fallback: fallback,
		Own: slices.Concat(s.operations(), s.identityOperations(), s.exporterOperations()), Audit: s.audit,
		Ready: s.ready.Load, Version: s.tellVersion(), Log: s.cfg.Log,
	})
	if handler, err = s.observed(handler); err != nil {
		return err
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug), // strangers cause it without end
	}
	s.http.Protocols = new(http.Protocols)
	s.http.Protocols.SetHTTP1(true) // as AWS's endpoints; less that a stranger can ask for
	if s.ln, err = net.Listen("tcp", s.cfg.Listen); err != nil {
		return fmt.Errorf("API address: %w: is another millrace running? choose another with --listen", err)
	}
	s.ln = limit(s.ln)
	if s.cfg.Secure != nil {
		if err = s.secure(); err != nil {
			return err
		}
	}
	return s.writeEnvironment()
}

// secure puts TLS around the API's listener.
func (s *System) secure() (err error) {
	sec := s.cfg.Secure
	get := issuer(s.pki, append([]string{s.cfg.AdvertiseHost}, sec.Names...))
	if sec.CertFile != "" {
		if s.files, err = openCertificate(sec.CertFile, sec.KeyFile, s.cfg.Log); err != nil {
			return err
		}
		get = s.files.get
	}
	if _, err = get(); err != nil {
		return err
	}
	s.ln = tls.NewListener(s.ln, serverTLS(get))
	return nil
}

// Reload reads the API's certificate again, if it is somebody else's. One that
// is not good is logged, and the last good one stays. It may be called while Run
// runs.
func (s *System) Reload() {
	if s.files != nil {
		s.files.reload()
	}
}

// Began is closed when Run answers calls.
func (s *System) Began() <-chan struct{} { return s.began }

// tellVersion is what strangers are told of the version.
func (s *System) tellVersion() string {
	if s.cfg.Secure != nil {
		return ""
	}
	return s.cfg.Version
}

// Run serves until ctx ends, then stops everything in reverse order.
func (s *System) Run(ctx context.Context) error {
	defer s.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fleetDone := make(chan struct{})
	go func() {
		defer close(fleetDone)
		_ = s.fleet.Run(ctx) // ends with ctx
	}()
	expiring := make(chan struct{})
	go func() {
		defer close(expiring)
		s.keepHouse(ctx)
	}()
	monitored := make(chan struct{})
	go func() {
		defer close(monitored)
		s.runMonitor(ctx)
	}()
	watchDone := make(chan struct{})
	go func() {
		defer close(watchDone)
		if s.files != nil {
			s.files.watch(ctx)
		}
	}()
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.ln) }()
	s.ready.Store(true)
	close(s.began)
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
	}
	s.ready.Store(false)
	stopCtx, stop := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer stop()
	_ = s.http.Shutdown(stopCtx) // no call may ask for what is being stopped
	cancel()
	<-fleetDone // nothing starts brokers any more
	<-expiring
	<-watchDone
	<-monitored
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// close stops what New built, in reverse: brokers before the state they were
// made from.
func (s *System) close() {
	if s.driver != nil {
		s.driver.closeAll()
	}
	if s.ln != nil {
		s.ln.Close()
	}
	if s.audit != nil { // after the brokers, which refuse to the last
		if err := s.audit.Close(); err != nil {
			s.cfg.Log.Error("close the audit log", "error", err)
		}
	}
	if s.auditCopy != nil {
		s.auditCopy.close()
	}
	if s.s3Index != nil {
		s.s3Index.Close()
	}
	if s.store != nil {
		s.store.Close()
	}
}

// runs says whether the embedded brokers can act as a Kafka version.
func runs(kafkaVersion string) bool {
	_, err := wire.LineOf(kafkaVersion)
	return err == nil
}

// Address is the API's HOST:PORT as bound.
func (s *System) Address() string { return s.ln.Addr().String() }

// DataDir is the data directory as an absolute path.
func (s *System) DataDir() string { return s.cfg.DataDir }

// apiAddress is the API's HOST:PORT as clients are told.
func (s *System) apiAddress() string {
	_, port, _ := net.SplitHostPort(s.Address())
	host := s.cfg.AdvertiseHost
	if host == defaultHost && s.cfg.Secure == nil { // a certificate has the name
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
