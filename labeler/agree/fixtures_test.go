package agree

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// testData opens a file of the shared test data, or skips.
func testData(t *testing.T, name string) *gzip.Reader {
	t.Helper()
	root := os.Getenv("AGORA_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared") // ../shared of the module root
	}
	f, err := os.Open(filepath.Join(root, "data", filepath.FromSlash(name)))
	if err != nil {
		t.Skipf("test data folder is absent (AGORA_TESTDATA): %v", err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func table(t testing.TB, labels []Label) *Table {
	t.Helper()
	tab, err := NewTable(labels)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// near fails unless got is want up to tol; NaN is near NaN.
func near(t testing.TB, what string, got, want, tol float64) {
	t.Helper()
	if math.IsNaN(got) != math.IsNaN(want) || math.Abs(got-want) > tol {
		t.Errorf("%s = %.6f, want %.6f (±%g)", what, got, want, tol)
	}
}

// counted makes labels from a table of counts: rows are units, columns categories. The people
// are numbered within each unit, as Fleiss' table does not say who they were.
func counted(rows [][]int) []Label {
	var labels []Label
	for u, row := range rows {
		who := 0
		for c, n := range row {
			for range n {
				labels = append(labels, Label{Unit: fmt.Sprint(u), Labeler: fmt.Sprint(who), Value: float64(c)})
				who++
			}
		}
	}
	return labels
}

// pandaRow is a line of the PandaLM test set: three people, 0 tie, 1 or 2 the better response.
type pandaRow struct {
	Index     int    `json:"idx"`
	Models    string `json:"cmp_key"`
	Annotator [3]int
	First     int `json:"annotator1"`
	Second    int `json:"annotator2"`
	Third     int `json:"annotator3"`
}

func pandaLM(t *testing.T) []pandaRow {
	t.Helper()
	var rows []pandaRow
	if err := json.NewDecoder(testData(t, "pandalm/testset-v1.json.gz")).Decode(&rows); err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		rows[i].Annotator = [3]int{r.First, r.Second, r.Third}
	}
	return rows
}

func pandaLabels(t *testing.T) []Label {
	t.Helper()
	var labels []Label
	for _, r := range pandaLM(t) {
		for a, v := range r.Annotator {
			labels = append(labels, Label{Unit: fmt.Sprint(r.Index), Labeler: fmt.Sprint(a + 1), Value: float64(v)})
		}
	}
	return labels
}

func correlation(x, y []float64) float64 {
	n := float64(len(x))
	var sx, sy, xx, yy, xy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
		xx, yy, xy = xx+x[i]*x[i], yy+y[i]*y[i], xy+x[i]*y[i]
	}
	return (xy - sx*sy/n) / math.Sqrt((xx-sx*sx/n)*(yy-sy*sy/n))
}
