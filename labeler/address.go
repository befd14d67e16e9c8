package labeler

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// publicAddress works out how browsers reach the site, and refuses to send
// passwords over a network in the clear: beyond this machine the site wants
// its own certificate, or a proxy in front that has one.
func (cfg ServeConfig) publicAddress(listening net.Addr) (PublicAddress, error) {
	if cfg.PublicURL == "" && cfg.ACME != "" {
		cfg.PublicURL = "https://" + cfg.ACME
	}
	p := PublicAddress{URL: strings.TrimSuffix(cfg.PublicURL, "/")}
	for _, text := range cfg.TrustedProxy {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return p, fmt.Errorf("--trusted-proxy %q is not an address range such as 10.0.0.0/8", text)
		}
		p.Proxies = append(p.Proxies, prefix)
	}
	if p.URL == "" {
		p.URL = cfg.scheme() + "://" + browsable(listening)
	}
	u, err := url.Parse(p.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" {
		return p, fmt.Errorf("--public-url %q is not an address such as https://rank.example.org", cfg.PublicURL)
	}
	p.Secure = u.Scheme == "https"
	p.Remote = !cfg.loopback() || !isLoopback(u.Hostname())
	if cfg.loopback() || cfg.PublicURL != "" {
		p.Hosts = []string{"localhost", "127.0.0.1", "::1", strings.ToLower(u.Hostname())}
	}
	return p, nil
}

// Validate refuses what would expose the site unsafely, naming the option.
func (cfg ServeConfig) Validate() error {
	if _, _, err := net.SplitHostPort(cfg.Addr); err != nil {
		return fmt.Errorf("--addr %q is not HOST:PORT, such as 127.0.0.1:8080", cfg.Addr)
	}
	if (cfg.TLSCert == "") != (cfg.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if err := cfg.validateACME(); err != nil {
		return err
	}
	if cfg.Workers < 0 {
		return fmt.Errorf("--workers %d is negative", cfg.Workers)
	}
	if cfg.loopback() || cfg.InsecureHTTP || cfg.ACME != "" && (cfg.PublicURL == "" || strings.HasPrefix(cfg.PublicURL, "https://")) {
		return nil
	}
	if cfg.TLSCert == "" && len(cfg.TrustedProxy) == 0 {
		return fmt.Errorf("--addr %s can be reached from other machines: add --public-url with --tls-cert and --tls-key, "+
			"or --acme DOMAIN, or --public-url with --trusted-proxy CIDR (or --insecure-http to send passwords in the clear)", cfg.Addr)
	}
	if !strings.HasPrefix(cfg.PublicURL, "https://") {
		return fmt.Errorf("--addr %s can be reached from other machines: add --public-url https://…", cfg.Addr)
	}
	return nil
}

// loopback tells whether only this machine can connect.
func (cfg ServeConfig) loopback() bool {
	host, _, err := net.SplitHostPort(cfg.Addr)
	return err == nil && isLoopback(host)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (cfg ServeConfig) scheme() string {
	if cfg.TLSCert != "" || cfg.ACME != "" {
		return "https"
	}
	return "http"
}

// browsable replaces the unspecified address, which no browser can open.
func browsable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return a.String()
}

// listen opens the port, with a clear word when it cannot.
func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use, perhaps by another agora; stop that one or choose another with --addr", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s may not be opened by this user; choose a port above 1023 with --addr", addr)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	return l, nil
}
