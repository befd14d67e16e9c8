package labeler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"agora/db"
)

// Database says which database a command works on.
type Database struct {
	DB  string `name:"db" placeholder:"FILE" help:"Database: a file (default: agora.db in --dir), or postgres://USER@HOST/NAME with the password in PGPASSWORD or ~/.pgpass."`
	Dir string `default:"." placeholder:"DIR" help:"Folder of the database when --db is not given."`
}

// path is the database's file, or address.
func (d Database) path() string {
	if d.DB != "" {
		return d.DB
	}
	return filepath.Join(d.Dir, "agora.db")
}

// existing is with for commands that should not make a new database.
func (d Database) existing(ctx context.Context, fn func(*db.Store) error) error {
	if _, err := os.Stat(d.path()); errors.Is(err, os.ErrNotExist) && !db.IsServer(d.path()) {
		return fmt.Errorf("there is no database %s; `agora serve` or `agora project create` makes one, --db names another", d.path())
	}
	return d.with(ctx, fn)
}

// with opens the database for fn, a new one if need be, and closes it after.
func (d Database) with(ctx context.Context, fn func(*db.Store) error) error {
	store, err := db.Open(ctx, d.path(), db.Options{})
	if err != nil {
		return err
	}
	return errors.Join(fn(store), store.Close())
}

// printJSON writes one object a line on standard output.
func printJSON(v any) error {
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// ServeCmd is `agora serve`.
type ServeCmd struct {
	Database
	Addr         string   `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen."`
	Workers      int      `default:"1" help:"Training processes to run beside the site, at low priority."`
	PublicURL    string   `name:"public-url" placeholder:"URL" help:"How browsers reach the site, such as https://rank.example.org."`
	TLSCert      string   `name:"tls-cert" type:"existingfile" placeholder:"FILE" help:"Certificate chain (PEM)."`
	TLSKey       string   `name:"tls-key" type:"existingfile" placeholder:"FILE" help:"Private key (PEM)."`
	ACME         string   `name:"acme" placeholder:"DOMAIN" help:"Get a certificate for this domain from Let's Encrypt, whose terms you accept by this, and renew it."`
	ACMEEmail    string   `name:"acme-email" placeholder:"ADDRESS" help:"With --acme: where the authority may write to."`
	ACMEDir      string   `name:"acme-directory" placeholder:"URL" help:"With --acme: another authority."`
	ACMEHTTP     string   `name:"acme-http" placeholder:"HOST:PORT" help:"With --acme: also answer plain http there, such as :80, and lead it to https."`
	TrustedProxy []string `name:"trusted-proxy" placeholder:"CIDR" help:"Addresses of the reverse proxy that adds encryption."`
	InsecureHTTP bool     `name:"insecure-http" help:"Serve other machines without encryption."`
	Verbose      bool     `short:"v" help:"Log every request."`
	JSON         bool     `name:"json" help:"Print one JSON object with the address once the site answers."`
}

// Help shows how to use the command.
func (ServeCmd) Help() string {
	return `The site listens on this machine only. To be reached from others it wants
encryption: its own certificate, one that it gets itself (--acme; the domain's
port 443 must lead here), or a proxy in front that has one. Whoever runs
projects then needs a second factor to sign in.

Examples:
  agora serve
  agora serve --db study.db --addr 127.0.0.1:9000 --workers 2
  agora serve --addr :443 --acme rank.example.org --acme-http :80
  agora serve --addr :443 --public-url https://rank.example.org --tls-cert chain.pem --tls-key key.pem
  agora serve --addr 10.0.0.5:8080 --public-url https://rank.example.org --trusted-proxy 10.0.0.1/32`
}

// Run serves until ctx ends.
func (cmd ServeCmd) Run(ctx context.Context) error {
	err := Serve(ctx, ServeConfig{DB: cmd.path(), Addr: cmd.Addr, Workers: cmd.Workers, PublicURL: cmd.PublicURL,
		TLSCert: cmd.TLSCert, TLSKey: cmd.TLSKey, TrustedProxy: cmd.TrustedProxy, InsecureHTTP: cmd.InsecureHTTP,
		ACME: cmd.ACME, ACMEEmail: cmd.ACMEEmail, ACMEDirectory: cmd.ACMEDir, ACMEHTTP: cmd.ACMEHTTP,
		Verbose: cmd.Verbose, JSON: cmd.JSON, Out: os.Stdout})
	if err == nil {
		fmt.Fprintf(os.Stderr, "agora: stopped; everything is saved in %s\n", db.Redacted(cmd.path()))
	}
	return err
}
