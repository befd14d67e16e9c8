package labeler

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"agora/db"

	"golang.org/x/term"
)

// UserCmd is `agora user`.
type UserCmd struct {
	Add     UserAddCmd     `cmd:"" help:"Add a person, or make a link to join."`
	List    UserListCmd    `cmd:"" help:"List people."`
	Disable UserDisableCmd `cmd:"" help:"Lock a person out at once, or let them in again."`
	Reset   UserResetCmd   `cmd:"" help:"Make a link to choose a new password."`
}

// linkLife is how long links made on the command line work.
const linkLife = 7 * 24 * time.Hour

// UserAddCmd is `agora user add`.
type UserAddCmd struct {
	Database
	Name     string `arg:"" optional:"" help:"Name to sign in with. Without it, a link to join is printed."`
	Role     string `default:"labeler" help:"One of labeler, reviewer, researcher, admin."`
	Project  string `placeholder:"NAME" help:"Project to join."`
	Password bool   `help:"Ask for a password (read from standard input when that is not a terminal); without it a link is printed to choose one."`
	URL      string `name:"public-url" placeholder:"URL" help:"Address of the site, for the link (default: where it was last served)."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

// Help shows how to use the command.
func (UserAddCmd) Help() string {
	return `Examples:
  agora user add ana --role researcher --password
  agora user add --role labeler --project jokes
  echo 'a long password' | agora user add bo --password --json`
}

// userJSON is a person on the command line.
type userJSON struct {
	Name      string    `json:"name"`
	Role      db.Role   `json:"role"`
	Disabled  bool      `json:"disabled"`
	Created   time.Time `json:"created,omitzero"`
	LastLogin time.Time `json:"last_login,omitzero"`
	Link      string    `json:"link,omitempty"` // to choose a password with, works once
}

// Run adds the person.
func (cmd UserAddCmd) Run(ctx context.Context) error {
	if cmd.Password && cmd.Name == "" {
		return errors.New("--password needs a name")
	}
	return cmd.with(ctx, func(store *db.Store) error {
		inv := db.Invite{Role: db.Role(cmd.Role), Label: cmd.Name}
		if cmd.Project != "" {
			p, err := store.ProjectByName(ctx, cmd.Project)
			if err != nil {
				return err
			}
			inv.ProjectID = p.ID
		}
		if cmd.Password {
			return cmd.addWithPassword(ctx, store, inv)
		}
		return cmd.addWithLink(ctx, store, inv)
	})
}

// addWithPassword makes an account that can sign in at once.
func (cmd UserAddCmd) addWithPassword(ctx context.Context, store *db.Store, inv db.Invite) error {
	password, err := readPassword()
	if err != nil {
		return err
	}
	hash, err := HashPassword(password)
	if err != nil {
		return err
	}
	u, err := store.CreateUser(ctx, cmd.Name, inv.Role, hash)
	if err != nil {
		return err
	}
	if inv.ProjectID != 0 {
		if _, err := store.Join(ctx, inv.ProjectID, u.ID); err != nil {
			return err
		}
	}
	return cmd.report(u, "")
}

// addWithLink makes an account without a password, or none yet, and a link.
func (cmd UserAddCmd) addWithLink(ctx context.Context, store *db.Store, inv db.Invite) error {
	u := db.User{Name: cmd.Name, Role: inv.Role}
	if cmd.Name != "" {
		var err error
		if u, err = store.CreateUser(ctx, cmd.Name, inv.Role, ""); err != nil {
			return err
		}
		inv.UserID = u.ID
	}
	token, _, err := store.CreateInvite(ctx, inv, linkLife)
	if err != nil {
		return err
	}
	link, err := joinLink(ctx, store, cmd.URL, token)
	if err != nil {
		return err
	}
	return cmd.report(u, link)
}

func (cmd UserAddCmd) report(u db.User, link string) error {
	if cmd.JSON {
		return printJSON(userJSON{Name: u.Name, Role: u.Role, Created: u.Created.Time(), Link: link})
	}
	switch {
	case link == "":
		fmt.Printf("%s (%s) can sign in\n", u.Name, u.Role)
	case u.Name == "":
		fmt.Printf("A new %s joins with this link; it works once, within 7 days:\n  %s\n", u.Role, link)
	default:
		fmt.Printf("%s (%s) chooses a password with this link; it works once, within 7 days:\n  %s\n", u.Name, u.Role, link)
	}
	return nil
}

// joinLink completes a link with the site's address: the one given, or where
// the site was last served, or where it is served by default.
func joinLink(ctx context.Context, store *db.Store, url, token string) (string, error) {
	var err error
	if url == "" {
		url, err = store.Setting(ctx, db.SiteURL)
	}
	if url == "" {
		url = "http://" + DefaultServeConfig().Addr
	}
	return strings.TrimSuffix(url, "/") + "/join/" + token, err
}

// readPassword asks on a terminal, twice, or reads the first line of standard input.
func readPassword() (string, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if line == "" && err != nil {
			return "", errors.New("no password on standard input")
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	var typed [2]string
	for i, prompt := range []string{"Password: ", "Again: "} {
		fmt.Fprint(os.Stderr, prompt)
		b, err := term.ReadPassword(in)
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return "", err
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ")
	}
	return typed[0], nil
}

// UserListCmd is `agora user list`.
type UserListCmd struct {
	Database
	JSON bool `name:"json" help:"Print one JSON object a line."`
}

// Help shows how to use the command.
func (UserListCmd) Help() string {
	return "Example:\n  agora user list --db study.db"
}

// Run lists people.
func (cmd UserListCmd) Run(ctx context.Context) error {
	return cmd.existing(ctx, func(store *db.Store) error {
		users, err := store.Users(ctx)
		if err != nil {
			return err
		}
		if !cmd.JSON {
			return printUsers(users)
		}
		for _, u := range users {
			if err := printJSON(userJSON{u.Name, u.Role, u.Disabled, u.Created.Time(), u.LastLogin.Time(), ""}); err != nil {
				return err
			}
		}
		return nil
	})
}

func printUsers(users []db.User) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tSTATE\tLAST SIGN-IN")
	for _, u := range users {
		state, last := "active", "never"
		if u.PasswordHash == "" {
			state = "no password yet"
		}
		if u.Disabled {
			state = "disabled"
		}
		if u.LastLogin != 0 {
			last = u.LastLogin.Time().Local().Format("2006-01-02 15:04")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", u.Name, u.Role, state, last)
	}
	return w.Flush()
}

// UserDisableCmd is `agora user disable`.
type UserDisableCmd struct {
	Database
	Name   string `arg:"" help:"Who."`
	Enable bool   `help:"Let the person in again."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Help shows how to use the command.
func (UserDisableCmd) Help() string {
	return "Examples:\n  agora user disable ana\n  agora user disable ana --enable"
}

// Run locks the person out or lets them in.
func (cmd UserDisableCmd) Run(ctx context.Context) error {
	return cmd.existing(ctx, func(store *db.Store) error {
		u, err := findUser(ctx, store, cmd.Name)
		if err != nil {
			return err
		}
		if err := store.SetDisabled(ctx, u.ID, !cmd.Enable); err != nil {
			return err
		}
		action, word := "user.disable", "locked out"
		if cmd.Enable {
			action, word = "user.enable", "let in again"
		}
		if err := store.Log(ctx, 0, action, fmt.Sprintf("user:%d", u.ID), nil); err != nil {
			return err
		}
		if cmd.JSON {
			return printJSON(userJSON{Name: u.Name, Role: u.Role, Disabled: !cmd.Enable})
		}
		fmt.Printf("%s is %s\n", u.Name, word)
		return nil
	})
}

// UserResetCmd is `agora user reset`.
type UserResetCmd struct {
	Database
	Name string `arg:"" help:"Who."`
	URL  string `name:"public-url" placeholder:"URL" help:"Address of the site, for the link (default: where it was last served)."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help shows how to use the command.
func (UserResetCmd) Help() string {
	return "The old password works until the new one is chosen.\n\nExample:\n  agora user reset ana"
}

// Run makes the link.
func (cmd UserResetCmd) Run(ctx context.Context) error {
	return cmd.existing(ctx, func(store *db.Store) error {
		u, err := findUser(ctx, store, cmd.Name)
		if err != nil {
			return err
		}
		token, _, err := store.CreateInvite(ctx, db.Invite{Role: u.Role, UserID: u.ID, Label: "password of " + u.Name}, linkLife)
		if err != nil {
			return err
		}
		link, err := joinLink(ctx, store, cmd.URL, token)
		if err != nil {
			return err
		}
		if cmd.JSON {
			return printJSON(userJSON{Name: u.Name, Role: u.Role, Disabled: u.Disabled, Link: link})
		}
		fmt.Printf("%s chooses a new password with this link; it works once, within 7 days:\n  %s\n", u.Name, link)
		return nil
	})
}

// findUser says who is not there.
func findUser(ctx context.Context, store *db.Store, name string) (db.User, error) {
	u, err := store.UserByName(ctx, name)
	if errors.Is(err, db.ErrNotFound) {
		return u, fmt.Errorf("user %s: %w (agora user list shows everybody)", name, err)
	}
	return u, err
}
