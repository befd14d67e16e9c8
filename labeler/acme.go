package labeler

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// acmeFolder holds the account's and the certificates' keys, beside the database.
const acmeFolder = "agora-certificates"

// acmeManager gets the site's certificate from an authority that speaks ACME
// (RFC 8555), Let's Encrypt by default, when the first browser comes, and
// renews it in time. The authority looks at the site through its own port
// (challenge tls-alpn-01, RFC 8737), which it must reach as port 443.
func (cfg ServeConfig) acmeManager(dir string) *autocert.Manager {
	m := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		HostPolicy: autocert.HostWhitelist(cfg.ACME),
		Cache:      autocert.DirCache(filepath.Join(dir, acmeFolder)),
		Email:      cfg.ACMEEmail,
	}
	if cfg.ACMEDirectory != "" {
		m.Client = &acme.Client{DirectoryURL: cfg.ACMEDirectory, HTTPClient: cfg.acmeHTTP}
	}
	return m
}

// validateACME refuses what cannot get a certificate.
func (cfg ServeConfig) validateACME() error {
	switch {
	case cfg.ACME == "" && (cfg.ACMEEmail != "" || cfg.ACMEDirectory != "" || cfg.ACMEHTTP != ""):
		return errors.New("--acme-email, --acme-directory and --acme-http go with --acme DOMAIN")
	case cfg.ACME == "":
		return nil
	case strings.ContainsAny(cfg.ACME, "/:*") || !strings.Contains(cfg.ACME, ".") || strings.ToLower(cfg.ACME) != cfg.ACME || net.ParseIP(cfg.ACME) != nil:
		return fmt.Errorf("--acme %q is not a domain such as rank.example.org", cfg.ACME)
	case cfg.TLSCert != "":
		return errors.New("--acme gets a certificate, --tls-cert has one: choose one of them")
	case len(cfg.TrustedProxy) > 0:
		return errors.New("behind --trusted-proxy it is the proxy that needs the certificate, not --acme")
	case cfg.ACMEDirectory != "" && !strings.HasPrefix(cfg.ACMEDirectory, "https://"):
		return fmt.Errorf("--acme-directory %q is not an https address", cfg.ACMEDirectory)
	}
	return nil
}

// encryption is the site's TLS configuration, nil for none.
func (cfg ServeConfig) encryption(m *autocert.Manager) *tls.Config {
	if m == nil {
		return nil
	}
	c := m.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	return c
}

// redirectHTTP answers plain http on another port until ctx ends: it leads
// browsers to https, and lets the authority look at the site there as well
// (challenge http-01).
func (cfg ServeConfig) redirectHTTP(ctx context.Context, l net.Listener, m *autocert.Manager, log *slog.Logger) {
	srv := &http.Server{Handler: m.HTTPHandler(nil), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	stopped := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stopped()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Warn("redirect to https", "error", err)
	}
}
