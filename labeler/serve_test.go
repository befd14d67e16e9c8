package labeler

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"agora/db"
	"agora/db/dbtest/place"
)

// served is a site that runs as `agora serve` does, on a free port.
type served struct {
	Site
	stop func()       // as Ctrl-C
	done <-chan error // what Serve returned
}

func startSite(t *testing.T, change func(*ServeConfig)) served {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan Site, 1), make(chan error, 1)
	cfg := DefaultServeConfig()
	cfg.DB, cfg.Addr, cfg.Workers, cfg.Out = place.New(t), "127.0.0.1:0", 0, io.Discard
	cfg.Schema = testSchema
	cfg.Ready = func(_ context.Context, s Site) { ready <- s }
	if change != nil {
		change(&cfg)
	}
	go func() {
		defer close(done) // who asks again learns nil
		done <- Serve(ctx, cfg)
	}()
	select {
	case site := <-ready:
		t.Cleanup(func() {
			stop()
			<-done
		})
		return served{site, stop, done}
	case err := <-done:
		t.Fatal(err)
	case <-time.After(20 * time.Second):
		t.Fatal("the site did not start")
	}
	return served{}
}

func TestServeFromFirstStart(t *testing.T) {
	var out bytes.Buffer
	site := startSite(t, func(cfg *ServeConfig) { cfg.Out = &out })
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	res, err := client.PostForm(site.AdminLink, joining("root", testPassword, testPassword))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("first admin: %v %v", res, err)
	}
	res.Body.Close()
	res, err = client.Get(site.URL + "/users")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the first admin's page: %v %v", res, err)
	}
	res.Body.Close()
	site.stop()
	if err := <-site.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if !strings.Contains(out.String(), site.AdminLink) {
		t.Errorf("the link was not printed: %s", out.String())
	}
	again := startSite(t, func(cfg *ServeConfig) { cfg.DB = site.DB })
	if again.AdminLink != "" {
		t.Error("a second start offers an admin link although there is an admin")
	}
}

// TestOnlyTheNewestAdminLinkWorks starts twice before anybody joined.
func TestOnlyTheNewestAdminLinkWorks(t *testing.T) {
	first := startSite(t, nil)
	first.stop()
	<-first.done
	second := startSite(t, func(cfg *ServeConfig) { cfg.DB = first.DB })
	token := first.AdminLink[strings.LastIndexByte(first.AdminLink, '/'):]
	res, err := http.PostForm(second.URL+"/join"+token, url.Values{})
	if err != nil || res.StatusCode != http.StatusGone {
		t.Errorf("the older link: %v %v", res.Status, err)
	}
	res.Body.Close()
}

func TestBusyPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := DefaultServeConfig()
	cfg.Addr, cfg.DB = l.Addr().String(), filepath.Join(t.TempDir(), "agora.db")
	err = Serve(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "is in use") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(cfg.DB); !errors.Is(err, os.ErrNotExist) {
		t.Error("a database was made although the port is busy")
	}
}

func TestServeConfigValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*ServeConfig)
		want   string // "": accepted
	}{
		{"default", func(*ServeConfig) {}, ""},
		{"localhost", func(c *ServeConfig) { c.Addr = "localhost:1" }, ""},
		{"IPv6 loopback", func(c *ServeConfig) { c.Addr = "[::1]:1" }, ""},
		{"no port", func(c *ServeConfig) { c.Addr = "127.0.0.1" }, "--addr"},
		{"all addresses", func(c *ServeConfig) { c.Addr = ":8080" }, "--insecure-http"},
		{"all addresses, in the clear", func(c *ServeConfig) { c.Addr, c.InsecureHTTP = ":8080", true }, ""},
		{"network, certificate, no name", func(c *ServeConfig) { c.Addr, c.TLSCert, c.TLSKey = "10.0.0.5:443", "c", "k" }, "--public-url"},
		{"network, certificate", func(c *ServeConfig) {
			c.Addr, c.TLSCert, c.TLSKey, c.PublicURL = "10.0.0.5:443", "c", "k", "https://rank.example.org"
		}, ""},
		{"network, proxy", func(c *ServeConfig) {
			c.Addr, c.TrustedProxy, c.PublicURL = "10.0.0.5:80", []string{"10.0.0.1/32"}, "https://rank.example.org"
		}, ""},
		{"network, proxy, clear name", func(c *ServeConfig) {
			c.Addr, c.TrustedProxy, c.PublicURL = "10.0.0.5:80", []string{"10.0.0.1/32"}, "http://rank.example.org"
		}, "https://"},
		{"half a certificate", func(c *ServeConfig) { c.TLSCert = "c" }, "--tls-key"},
		{"workers", func(c *ServeConfig) { c.Workers = -1 }, "--workers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := DefaultServeConfig()
			tt.change(&cfg)
			err := cfg.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPublicAddress(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4zero, Port: 8080}
	p, err := ServeConfig{Addr: ":8080", InsecureHTTP: true}.publicAddress(at)
	if err != nil || p.URL != "http://127.0.0.1:8080" || p.Secure || p.Hosts != nil {
		t.Errorf("got %+v, %v", p, err)
	}
	p, err = ServeConfig{Addr: ":443", PublicURL: "https://Rank.example.org/"}.publicAddress(at)
	if err != nil || p.URL != "https://Rank.example.org" || !p.Secure || p.Hosts[3] != "rank.example.org" {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, bad := range []ServeConfig{{PublicURL: "rank.example.org"}, {PublicURL: "https://x/y"}, {TrustedProxy: []string{"10.0.0.1"}}} {
		if _, err := bad.publicAddress(at); err == nil {
			t.Errorf("accepted %+v", bad)
		}
	}
}

// TestStopAnswersWhatIsUnderWay sends a slow form, stops the site in the
// middle, and gets its answer all the same.
func TestStopAnswersWhatIsUnderWay(t *testing.T) {
	site := startSite(t, nil)
	body, send := io.Pipe()
	answer := make(chan error, 1)
	go func() {
		res, err := http.Post(site.URL+"/signin", "application/x-www-form-urlencoded", body)
		if err == nil {
			res.Body.Close()
			if res.StatusCode != http.StatusUnprocessableEntity {
				err = errors.New(res.Status)
			}
		}
		answer <- err
	}()
	io.WriteString(send, "name=ana&")
	time.Sleep(100 * time.Millisecond) // the request has reached its handler
	site.stop()
	time.Sleep(100 * time.Millisecond)
	io.WriteString(send, "password=x")
	send.Close()
	if err := <-answer; err != nil {
		t.Errorf("the form under way: %v", err)
	}
	if err := <-site.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestStopEndsLivePages stops the site while a browser follows a run.
func TestStopEndsLivePages(t *testing.T) {
	site := startSite(t, nil)
	st, err := db.Open(t.Context(), site.DB, db.Options{}) // beside the site, as a worker does
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	run, err := st.CreateRun(t.Context(), db.Run{Kind: "ppo"})
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	res, err := client.PostForm(site.AdminLink, joining("root", testPassword, testPassword))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	res, err = client.Get(site.URL + "/runs/" + strconv.FormatInt(run.ID, 10) + "/events")
	if err != nil || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("no event stream: %v %v", res, err)
	}
	defer res.Body.Close()
	if _, err := res.Body.Read(make([]byte, 1)); err != nil {
		t.Fatalf("nothing came: %v", err)
	}
	start := time.Now()
	site.stop()
	if err := <-site.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if took := time.Since(start); took > drainTime/2 {
		t.Errorf("stopping took %v", took)
	}
}

// script is a worker made of a shell line.
func script(t *testing.T, line string) []string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	return []string{"/bin/sh", "-c", line}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// eventually waits for a condition, at most ten seconds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 500 {
		if is() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("never happened: %s", what)
}

// TestWorkerLife: a worker runs behind the site's requests, a crashed one
// starts again without the site noticing, and the end of the site asks it to save.
func TestWorkerLife(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	site := startSite(t, func(cfg *ServeConfig) {
		cfg.Workers = 1
		cfg.WorkerCommand = script(t, `
			if [ ! -e `+log+` ]; then echo crashed >`+log+`; exit 3; fi
			trap 'echo saved >>`+log+`; exit 0' TERM
			echo "started nice $(nice)" >>`+log+`
			while :; do sleep 0.05; done`)
	})
	eventually(t, "the worker starts again", func() bool { return strings.Contains(readFile(t, log), "started") })
	if res, err := http.Get(site.URL + "/healthz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("the site after a worker's crash: %v %v", res, err)
	} else {
		res.Body.Close()
	}
	site.stop()
	if err := <-site.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	got := readFile(t, log)
	if !strings.HasPrefix(got, "crashed\nstarted") || !strings.HasSuffix(got, "saved\n") {
		t.Errorf("worker's log:\n%s", got)
	}
	if runtime.GOOS == "linux" && !strings.Contains(got, "nice 10") {
		t.Errorf("the worker does not run at low priority:\n%s", got)
	}
}

func TestWorkerThatCannotStart(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	var out bytes.Buffer
	superviseWorker(ctx, []string{filepath.Join(t.TempDir(), "none")}, 1, slog.New(slog.NewTextHandler(&out, nil)))
	if !strings.Contains(out.String(), "worker ended") {
		t.Errorf("log: %s", out.String())
	}
}

func TestServeRefusesAForeignDatabase(t *testing.T) {
	cfg := DefaultServeConfig()
	cfg.Addr, cfg.DB = "127.0.0.1:0", filepath.Join(t.TempDir(), "diary.txt")
	if err := os.WriteFile(cfg.DB, []byte(strings.Repeat("dear diary ", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), cfg); !errors.Is(err, db.ErrNotAgora) {
		t.Errorf("got %v", err)
	}
}
