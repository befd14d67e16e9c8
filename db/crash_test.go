package db

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"agora/db/dbtest/place"
)

// crashEnv makes this test binary a labeler who answers until it is killed.
const crashEnv = "AGORA_TEST_CRASH_DB"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		fmt.Fprintln(os.Stderr, answerForever(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// answerForever submits answers and prints the id of each after Submit said
// that it is stored.
func answerForever(path string) error {
	ctx := context.Background()
	st, err := Open(ctx, path, Options{})
	if err != nil {
		return err
	}
	for {
		task, err := st.Next(ctx, 1, 1)
		if err != nil {
			return err
		}
		a, err := st.Submit(ctx, 1, task.Lease.ID, Ranking{NoneAcceptable: true})
		if err != nil {
			return err
		}
		fmt.Println(a.ID)
	}
}

// TestKilledWriter kills a process in the middle of its work, several times.
// Every answer that it was told is stored is there, and nothing is by halves.
func TestKilledWriter(t *testing.T) {
	path := place.New(t)
	st, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := st.CreateProject(t.Context(), DefaultProject("crash"))
	if err != nil {
		t.Fatal(err)
	}
	items := make([]NewItem, 200)
	for i := range items {
		items[i] = NewItem{Prompt: []Message{{"user", fmt.Sprint(i)}}, Completions: []NewCompletion{{Text: "a"}, {Text: "b"}}}
	}
	if _, err := st.AddItems(t.Context(), p.ID, 0, "crash", items); err != nil {
		t.Fatal(err)
	}
	if _, err := st.CreateUser(t.Context(), "ana", RoleLabeler, ""); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for round := range 4 {
		acknowledged := killAfter(t, path, 3+7*round)
		checkAfterCrash(t, path, acknowledged)
	}
}

// killAfter starts answerForever, kills it after n answers, and returns all
// ids that it had printed by then.
func killAfter(t *testing.T, path string, n int) []int64 {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	var why strings.Builder
	cmd.Stderr = &why
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for lines := bufio.NewScanner(out); lines.Scan(); {
		id, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			break // the last line is cut off
		}
		if ids = append(ids, id); len(ids) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if len(ids) < n {
		t.Fatalf("only %d answers: %s", len(ids), why.String())
	}
	return ids
}

func checkAfterCrash(t *testing.T, path string, acknowledged []int64) {
	t.Helper()
	st, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var found int64
	if err := st.r.Model(&Answer{}).Where("id IN ?", acknowledged).Count(&found).Error; err != nil || int(found) != len(acknowledged) {
		t.Errorf("%d of %d acknowledged answers are there, %v", found, len(acknowledged), err)
	}
	if !IsServer(path) {
		var integrity string
		if err := st.r.Raw("PRAGMA integrity_check").Scan(&integrity).Error; err != nil || integrity != "ok" {
			t.Errorf("integrity: %s, %v", integrity, err)
		}
	}
	var halves int64
	err = st.r.Raw(`SELECT (SELECT count(*) FROM items i WHERE i.taken <>
			(SELECT count(*) FROM leases l WHERE l.item_id = i.id AND l.state IN ('open', 'answered')))
		+ (SELECT count(*) FROM leases l WHERE l.state = 'answered' AND NOT EXISTS
			(SELECT 1 FROM answers a WHERE a.lease_id = l.id AND a.state = 'active'))
		+ (SELECT count(*) FROM answers a JOIN leases l ON l.id = a.lease_id WHERE a.state = 'active' AND l.state <> 'answered')`).Scan(&halves).Error
	if err != nil || halves != 0 {
		t.Errorf("%d things by halves, %v", halves, err)
	}
}
