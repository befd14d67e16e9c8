package labeler

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// certificate writes the test certificate of net/http/httptest, which is for
// 127.0.0.1, and returns a client that trusts it.
func certificate(t *testing.T) (certFile, keyFile string, client *http.Client) {
	t.Helper()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	pair := srv.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client = srv.Client()
	client.Jar, _ = cookiejar.New(nil)
	return certFile, keyFile, client
}

// TestServeTLS signs the first admin up over https.
func TestServeTLS(t *testing.T) {
	certFile, keyFile, client := certificate(t)
	site := startSite(t, func(cfg *ServeConfig) { cfg.TLSCert, cfg.TLSKey = certFile, keyFile })
	if !strings.HasPrefix(site.AdminLink, "https://127.0.0.1:") {
		t.Fatalf("admin link %s", site.AdminLink)
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.PostForm(site.AdminLink, joining("root", testPassword, testPassword))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	c := res.Cookies()
	if res.StatusCode != http.StatusSeeOther || len(c) != 1 || c[0].Name != "__Host-agora" || !c[0].Secure || c[0].Domain != "" {
		t.Errorf("status %d, cookies %v", res.StatusCode, c)
	}
	if res.Header.Get("Strict-Transport-Security") == "" {
		t.Error("browsers are not told to stay with https")
	}
	res, err = client.Get(site.URL + "/users")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("signed in: %v %v", res, err)
	}
	res.Body.Close()
}

func TestServeRefusesABrokenCertificate(t *testing.T) {
	certFile, _, _ := certificate(t)
	cfg := DefaultServeConfig()
	cfg.Addr, cfg.DB, cfg.Workers = "127.0.0.1:0", filepath.Join(t.TempDir(), "agora.db"), 0
	cfg.TLSCert, cfg.TLSKey = certFile, certFile
	if err := Serve(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "--tls-key") {
		t.Errorf("got %v", err)
	}
}
