package labeler

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"agora/db"

	"golang.org/x/crypto/acme/autocert"
)

// ServeConfig is what `agora serve` can be told.
type ServeConfig struct {
	DB           string   // file, or postgres://… of a server
	Addr         string   // HOST:PORT; port 0 takes a free one
	Workers      int      // training processes to start beside the site
	PublicURL    string   // how browsers reach the site, default: from Addr
	TLSCert      string   // PEM file
	TLSKey       string   // PEM file
	TrustedProxy []string // CIDR ranges whose X-Forwarded-For is believed
	InsecureHTTP bool     // serve other machines without encryption

	ACME          string       // domain to get a certificate for
	ACMEEmail     string       // whom the authority may write to
	ACMEDirectory string       // the authority's address, default: Let's Encrypt
	ACMEHTTP      string       // HOST:PORT of plain http, which leads to https; empty: none
	acmeHTTP      *http.Client // to reach the authority, for tests

	Verbose bool // log every request

	WorkerCommand []string                          // default: this program's `work --db DB`
	Out           io.Writer                         // for people, default standard output
	JSON          bool                              // Out gets one JSON object instead
	Schema        Schema                            // default: ask this program
	Ready         func(ctx context.Context, s Site) // called once the site answers; nil: nothing
}

// Site is a site that has begun to serve.
type Site struct {
	URL       string `json:"url"`
	DB        string `json:"db"`
	AdminLink string `json:"admin_link,omitempty"` // only while there is no admin
}

// DefaultServeConfig serves this machine only.
func DefaultServeConfig() ServeConfig {
	return ServeConfig{DB: "agora.db", Addr: "127.0.0.1:8080", Workers: 1, Out: os.Stdout}
}

// How long the site waits for requests under way, and a worker for its
// checkpoint, when it is told to stop.
const (
	drainTime = 8 * time.Second
	adminLink = 24 * time.Hour
)

// Serve opens the database, serves the site and runs its workers until ctx
// ends. Then it answers what is under way, lets the workers save, and returns nil.
func Serve(ctx context.Context, cfg ServeConfig) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if cfg.TLSCert != "" {
		if _, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey); err != nil {
			return fmt.Errorf("--tls-cert %s and --tls-key %s: %w", cfg.TLSCert, cfg.TLSKey, err)
		}
	}
	if cfg.Out == nil {
		cfg.Out = os.Stdout
	}
	l, err := listen(cfg.Addr) // before the database: a second start changes nothing
	if err != nil {
		return err
	}
	defer l.Close()
	store, err := db.Open(ctx, cfg.DB, db.Options{})
	if err != nil {
		return err
	}
	err = cfg.serveStore(ctx, l, store)
	return errors.Join(err, store.Close())
}

// serveStore serves over an open store and port.
func (cfg ServeConfig) serveStore(ctx context.Context, l net.Listener, store *db.Store) error {
	public, err := cfg.publicAddress(l.Addr())
	if err != nil {
		return err
	}
	log := cfg.logger()
	s, err := NewServer(store, Options{Log: log, Public: public, Schema: cfg.Schema})
	if err != nil {
		return err
	}
	site := Site{URL: public.URL, DB: store.DSN()}
	if site.AdminLink, err = s.firstAdminLink(ctx); err != nil {
		return err
	}
	if err := store.SetSetting(ctx, db.SiteURL, public.URL); err != nil { // for links made on the command line
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var beside sync.WaitGroup
	defer beside.Wait() // after stop: workers save before the database closes
	defer stop()
	for i := range cfg.Workers {
		beside.Go(func() { superviseWorker(ctx, cfg.workerCommand(), i+1, log) })
	}
	beside.Go(func() { s.sweep(ctx) })
	var certificates *autocert.Manager
	if cfg.ACME != "" {
		certificates = cfg.acmeManager(store.Dir())
	}
	if cfg.ACMEHTTP != "" {
		plain, err := listen(cfg.ACMEHTTP)
		if err != nil {
			return err
		}
		beside.Go(func() { cfg.redirectHTTP(ctx, plain, certificates, log) })
	}
	cfg.announce(site)
	if cfg.Ready != nil {
		beside.Go(func() { cfg.Ready(ctx, site) })
	}
	return s.serve(ctx, cfg, l, cfg.encryption(certificates))
}

// serve answers requests until ctx ends, then finishes those under way.
func (s *Server) serve(ctx context.Context, cfg ServeConfig, l net.Listener, encryption *tls.Config) error {
	srv := &http.Server{TLSConfig: encryption, Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	ended := make(chan error, 1)
	go func() {
		if encryption != nil || cfg.TLSCert != "" {
			ended <- srv.ServeTLS(l, cfg.TLSCert, cfg.TLSKey)
		} else {
			ended <- srv.Serve(l)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	close(s.closing)
	s.imports.stop()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		s.log.Warn("requests cut off", "after", drainTime)
		return srv.Close()
	}
	return nil
}

// firstAdminLink makes the link that the first admin signs up with, while
// there is no admin. Only the newest one works.
func (s *Server) firstAdminLink(ctx context.Context) (string, error) {
	has, err := s.store.HasAdmin(ctx)
	if err != nil || has {
		return "", err
	}
	if err := s.store.RevokeFirstAdminLinks(ctx); err != nil {
		return "", err
	}
	token, _, err := s.store.CreateInvite(ctx, db.Invite{Role: db.RoleAdmin, Label: "first admin"}, adminLink)
	return s.link("/join/" + token), err
}

// announce tells where the site is.
func (cfg ServeConfig) announce(site Site) {
	if cfg.JSON {
		_ = json.NewEncoder(cfg.Out).Encode(site) // standard output gone: nobody to tell
		return
	}
	fmt.Fprintf(cfg.Out, "agora serves %s at %s (Ctrl-C stops)\n", site.DB, site.URL)
	if site.AdminLink != "" {
		fmt.Fprintf(cfg.Out, "No admin yet. Make your account here; the link works once, within 24 hours:\n  %s\n", site.AdminLink)
	}
	if cfg.InsecureHTTP && !cfg.loopback() {
		fmt.Fprintln(cfg.Out, "Warning: passwords and answers travel unencrypted (--insecure-http).")
	}
}

func (cfg ServeConfig) logger() *slog.Logger {
	level := slog.LevelInfo
	if cfg.Verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// sweep forgets sessions that are over, now and every hour.
func (s *Server) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := s.store.Sessions().DeleteExpired(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("forget old sessions", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
