package labeler

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeCA is a certificate authority that speaks as much ACME (RFC 8555) as one
// order needs, with the challenge tls-alpn-01 (RFC 8737). It looks at the site
// as a real one does, and signs only what the site could prove. It does not
// check the signatures of requests.
type fakeCA struct {
	*httptest.Server
	t      *testing.T
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	domain string

	mu         sync.Mutex
	site       string // HOST:PORT to look at
	thumbprint string // of the account's key
	proved     bool
	issued     []byte // PEM
	orders     int
}

func newFakeCA(t *testing.T, domain string) *fakeCA {
	t.Helper()
	ca := &fakeCA{t: t, domain: domain, key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &ca.key.PublicKey, ca.key))
	ca.cert = must(x509.ParseCertificate(der))
	ca.Server = httptest.NewTLSServer(http.HandlerFunc(ca.serve))
	t.Cleanup(ca.Close)
	return ca
}

// serve answers one request of the protocol.
func (ca *fakeCA) serve(w http.ResponseWriter, r *http.Request) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	w.Header().Set("Replay-Nonce", rand.Text())
	at := func(path string) string { return ca.URL + path }
	order := map[string]any{"status": "pending", "identifiers": []any{map[string]string{"type": "dns", "value": ca.domain}}, "authorizations": []string{at("/authz")}, "finalize": at("/finalize")}
	authz := map[string]any{"status": "pending", "identifier": map[string]string{"type": "dns", "value": ca.domain},
		"challenges": []any{map[string]any{"type": "tls-alpn-01", "url": at("/challenge"), "token": "tok", "status": "pending"}}}
	if ca.proved {
		order["status"], authz["status"] = "ready", "valid"
	}
	status, body := http.StatusOK, any(nil)
	switch r.URL.Path {
	case "/directory":
		body = map[string]any{"newNonce": at("/nonce"), "newAccount": at("/account"), "newOrder": at("/order"), "revokeCert": at("/revoke"), "keyChange": at("/key"),
			"meta": map[string]any{"termsOfService": at("/terms")}}
	case "/nonce":
	case "/account":
		ca.thumbprint = thumbprint(ca.t, protected(ca.t, r))
		w.Header().Set("Location", at("/account/1"))
		status, body = http.StatusCreated, map[string]string{"status": "valid"}
	case "/order":
		ca.orders++
		w.Header().Set("Location", at("/order/1"))
		status, body = http.StatusCreated, order
	case "/order/1":
		if ca.issued != nil {
			order["status"], order["certificate"] = "valid", at("/cert")
		}
		body = order
	case "/authz":
		body = authz
	case "/challenge":
		ca.proved = ca.look()
		body = map[string]any{"type": "tls-alpn-01", "url": at("/challenge"), "token": "tok", "status": "processing"}
	case "/finalize":
		if !ca.proved {
			http.Error(w, "not proved", http.StatusForbidden)
			return
		}
		ca.issued = ca.sign(payload(ca.t, r))
		w.Header().Set("Location", at("/order/1"))
		order["status"], order["certificate"] = "valid", at("/cert")
		body = order
	case "/cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		w.Write(ca.issued)
		return
	default:
		status, body = http.StatusNotFound, map[string]string{"type": "urn:ietf:params:acme:error:malformed"}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if body != nil {
		json.NewEncoder(w).Encode(body)
	}
}

// acmeIdentifier is the extension that proves control (RFC 8737, section 3).
var acmeIdentifier = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}

// look connects to the site as an authority does, and checks its proof.
func (ca *fakeCA) look() bool {
	conn, err := tls.Dial("tcp", ca.site, &tls.Config{ServerName: ca.domain, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true})
	if err != nil {
		ca.t.Errorf("the authority cannot look at the site: %v", err)
		return false
	}
	defer conn.Close()
	sum := sha256.Sum256([]byte("tok." + ca.thumbprint))
	for _, e := range conn.ConnectionState().PeerCertificates[0].Extensions {
		var digest []byte
		if e.Id.Equal(acmeIdentifier) && e.Critical {
			_, err := asn1.Unmarshal(e.Value, &digest)
			return err == nil && bytes.Equal(digest, sum[:])
		}
	}
	return false
}

// sign makes the certificate that a finalize request asks for.
func (ca *fakeCA) sign(body map[string]string) []byte {
	csr := must(x509.ParseCertificateRequest(must(base64.RawURLEncoding.DecodeString(body["csr"]))))
	if csr.CheckSignature() != nil || len(csr.DNSNames) != 1 || csr.DNSNames[0] != ca.domain {
		ca.t.Errorf("request for %v", csr.DNSNames)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: csr.DNSNames, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der := must(x509.CreateCertificate(rand.Reader, leaf, ca.cert, csr.PublicKey, ca.key))
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// jws takes a signed request apart.
func jws(t *testing.T, r *http.Request) (header, body []byte) {
	var parts struct{ Protected, Payload string }
	if err := json.NewDecoder(r.Body).Decode(&parts); err != nil {
		t.Errorf("%s: %v", r.URL.Path, err)
	}
	return must(base64.RawURLEncoding.DecodeString(parts.Protected)), must(base64.RawURLEncoding.DecodeString(parts.Payload))
}

func protected(t *testing.T, r *http.Request) []byte { h, _ := jws(t, r); return h }

func payload(t *testing.T, r *http.Request) map[string]string {
	var m map[string]string
	_, body := jws(t, r)
	if err := json.Unmarshal(body, &m); err != nil {
		t.Errorf("%s: %v", r.URL.Path, err)
	}
	return m
}

// thumbprint is that of an account's EC key (RFC 7638).
func thumbprint(t *testing.T, header []byte) string {
	var h struct {
		JWK struct{ Crv, Kty, X, Y string }
	}
	if err := json.Unmarshal(header, &h); err != nil || h.JWK.Kty != "EC" {
		t.Errorf("account key %s: %v", header, err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, h.JWK.Crv, h.JWK.X, h.JWK.Y))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// TestServeACME gets a certificate when the first browser comes, keeps it
// beside the database, and leads plain http to https.
func TestServeACME(t *testing.T) {
	t.Chdir(t.TempDir()) // where a site on a database server keeps its certificates
	const domain = "rank.example.org"
	ca := newFakeCA(t, domain)
	plain := freePort(t)
	var addr string
	site := startSite(t, func(cfg *ServeConfig) {
		cfg.Addr = freePort(t)
		addr = cfg.Addr
		ca.site = addr
		cfg.ACME, cfg.ACMEEmail, cfg.ACMEDirectory, cfg.ACMEHTTP, cfg.acmeHTTP = domain, "lead@example.org", ca.URL+"/directory", plain, ca.Client()
	})
	if site.URL != "https://"+domain || !strings.HasPrefix(site.AdminLink, "https://"+domain+"/join/") {
		t.Errorf("site %+v", site.Site)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
			_, port, _ := net.SplitHostPort(to)
			if port == "80" {
				return (&net.Dialer{}).DialContext(ctx, network, plain)
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}}}
	res, err := client.Get("http://" + domain + "/healthz") // redirected
	if err != nil {
		t.Fatal(err)
	}
	body := must(io.ReadAll(res.Body))
	res.Body.Close()
	if res.StatusCode != http.StatusOK || string(body) != "ok\n" || res.Request.URL.Scheme != "https" {
		t.Errorf("%s %d %q", res.Request.URL, res.StatusCode, body)
	}
	if ca.orders != 1 {
		t.Errorf("%d orders", ca.orders)
	}
	if dir := filepath.Dir(site.DB); !strings.HasPrefix(site.DB, "postgres") {
		if _, err := os.Stat(filepath.Join(dir, acmeFolder, domain)); err != nil {
			t.Errorf("the certificate is not kept: %v", err)
		}
	}
	if _, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "other.example.org", InsecureSkipVerify: true}); err == nil {
		t.Error("a certificate for a foreign name was tried for")
	}
	// The first admin must set up a second factor, because others can reach the site.
	form := joining("root", testPassword, testPassword)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res = must(client.PostForm(site.AdminLink, form))
	res.Body.Close()
	req := must(http.NewRequest(http.MethodGet, site.URL+"/users", nil))
	for _, c := range res.Cookies() {
		req.AddCookie(c)
	}
	res = must(client.Do(req))
	res.Body.Close()
	if to, _ := url.Parse(res.Header.Get("Location")); res.StatusCode != http.StatusSeeOther || to.Path != secondFactor {
		t.Errorf("admin without a second factor: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// freePort is an address that nobody listens on, for now.
func freePort(t *testing.T) string {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	return l.Addr().String()
}

func TestACMEOptions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*ServeConfig)
		want   string
	}{
		{"a port", func(c *ServeConfig) { c.ACME = "rank.example.org:443" }, "--acme"},
		{"an address", func(c *ServeConfig) { c.ACME = "192.0.2.1" }, "--acme"},
		{"no dot", func(c *ServeConfig) { c.ACME = "localhost" }, "--acme"},
		{"own certificate", func(c *ServeConfig) { c.ACME, c.TLSCert, c.TLSKey = "rank.example.org", "a", "b" }, "--tls-cert"},
		{"proxy", func(c *ServeConfig) { c.ACME, c.TrustedProxy = "rank.example.org", []string{"10.0.0.0/8"} }, "--trusted-proxy"},
		{"mail alone", func(c *ServeConfig) { c.ACMEEmail = "a@b.example" }, "--acme-email"},
		{"plain directory", func(c *ServeConfig) { c.ACME, c.ACMEDirectory = "rank.example.org", "http://ca.example" }, "--acme-directory"},
		{"plain public address", func(c *ServeConfig) { c.ACME, c.PublicURL = "rank.example.org", "http://rank.example.org" }, "--public-url"},
		{"right", func(c *ServeConfig) { c.ACME = "rank.example.org" }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := DefaultServeConfig()
			cfg.Addr = ":443"
			tt.change(&cfg)
			err := cfg.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
