package cli

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace/millrace/server"
)

// serveOptions are the flags of a server on a network.
type serveOptions struct {
	serverOptions
	advertise string
	cert, key string
}

func (o *serveOptions) register(flags *pflag.FlagSet) {
	o.serverOptions.register(flags, "", "info")
	flags.StringVar(&o.advertise, "advertise-host", "", "`HOST[,HOST...]`: the name or address that brokers tell clients, and more for the certificate")
	flags.StringVar(&o.cert, "tls-cert", "", "PEM `FILE` with the API's certificate chain (default: one of the server's own authority)")
	flags.StringVar(&o.key, "tls-key", "", "PEM `FILE` with its key, mode 0600")
}

func (a *app) serveCommand() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a server for a network: HTTPS, audit log, nothing readable by others",
		Long: `Run a server for a network in the foreground, as a service manager does. The API
speaks HTTPS alone; its certificate is --tls-cert's, or one that the server's own
authority signs for --advertise-host. Changes and refusals are kept in an audit
log. SIGTERM ends it: calls and requests that were read are answered first.
SIGHUP reads the certificate again; a replaced file is noticed by itself too.

The first start writes the account's root credential to root-credentials in the
data directory, mode 0600, and never prints it: move it to a safe place. Nothing
in the data directory may be readable by other users.`,
		Example: `  millrace serve --data-dir /var/lib/millrace --listen 0.0.0.0:4566 --advertise-host kafka.example.com
  millrace serve --config /etc/millrace.yaml
  millrace trust --data-dir /var/lib/millrace > ca.pem   # for clients`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), o) },
	}
	o.register(cmd.Flags())
	return cmd
}

func (a *app) serve(ctx context.Context, o serveOptions) error {
	cfg, err := a.serverConfig(o.serverOptions)
	if err != nil {
		return err
	}
	names := strings.Split(o.advertise, ",")
	cfg.AdvertiseHost, cfg.Audit = names[0], true
	cfg.Secure = &server.Secure{Names: names[1:], CertFile: o.cert, KeyFile: o.key}
	s, err := server.New(cfg)
	if err != nil {
		return err
	}
	cfg.Log.Info("millrace serves", "version", a.version, "address", s.Address(), "advertised", o.advertise, "data", s.DataDir())
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	began, stopping := s.Began(), ctx.Done()
	for {
		select {
		case <-began:
			began = nil
			a.notify("READY=1", "STATUS=serving "+s.Address())
		case <-hup:
			a.notify("RELOADING=1", monotonic())
			s.Reload()
			a.notify("READY=1")
		case <-stopping:
			stopping = nil
			a.notify("STOPPING=1")
		case err := <-ended:
			return err
		}
	}
}

// monotonic is the time that systemd wants with RELOADING=1: of CLOCK_MONOTONIC.
func monotonic() string { return "MONOTONIC_USEC=" + monotonicMicroseconds() }

// notifyTimeout bounds a message to a service manager that does not read.
const notifyTimeout = time.Second
