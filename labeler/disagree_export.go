package labeler

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"agora/db"
	"agora/labeler/agree"

	"github.com/gin-gonic/gin"
)

// splitJSON is one comparison of two groups as a file holds it. Shares are of people, ties as half.
type splitJSON struct {
	Prompt string  `json:"prompt_id"`
	Item   int64   `json:"item,omitempty"` // of the project
	First  string  `json:"first"`          // completion ids
	Second string  `json:"second"`
	By     string  `json:"by"`
	A      string  `json:"a"` // groups
	B      string  `json:"b"`
	ShareA figure  `json:"share_a"` // that prefer the first text
	ShareB figure  `json:"share_b"`
	NA     int     `json:"n_a"`
	NB     int     `json:"n_b"`
	Diff   figure  `json:"difference"` // share_a − share_b
	CI     *span   `json:"ci95"`       // by labeler
	P      figure  `json:"p"`
	Q      figure  `json:"q"` // Benjamini–Hochberg over all comparisons
	Sides  []sided `json:"sides,omitempty"`
}

// sided is the text that a model takes: 1, 2, or 0 for neither.
type sided struct {
	Name string `json:"name"`
	Text int    `json:"text"`
}

func splitOf(by string, d agree.Difference, item int64) splitJSON {
	x := dividedBy(d, item)
	return splitJSON{Prompt: x.Prompt, Item: item, First: idOf(x.First), Second: idOf(x.Second), By: by, A: d.A, B: d.B,
		ShareA: figure(shareOfVerdicts(d.MeanA)), ShareB: figure(shareOfVerdicts(d.MeanB)), NA: d.NA, NB: d.NB, Diff: figure(d.Diff / 2),
		CI: spanOf(agree.Span{Lo: d.CI.Lo / 2, Hi: d.CI.Hi / 2}), P: figure(d.P), Q: figure(d.Q)}
}

// disagreementExport sends all comparisons as CSV or as JSON lines, the surest first.
func (s *Server) disagreementExport(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	ctx, format := c.Request.Context(), c.Query("format")
	if format != "csv" && format != "json" {
		return db.Invalid("format", "%q is neither csv nor json", format)
	}
	d, err := computeDisagreement(ctx, s.store, p, c.Query("by"))
	if err != nil {
		return err
	}
	rows, err := s.splits(c, p, d)
	if err != nil {
		return err
	}
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", p.Name+"-disagreement."+format))
	if format == "csv" {
		c.Header("Content-Type", "text/csv; charset=utf-8")
		return writeSplitsCSV(c.Writer, rows)
	}
	c.Header("Content-Type", "application/jsonl; charset=utf-8")
	out := json.NewEncoder(c.Writer)
	for _, r := range rows {
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// splits is the rows of the file, with the side of every model that scored both texts.
func (s *Server) splits(c *gin.Context, p db.Project, d disagreement) ([]splitJSON, error) {
	ctx := c.Request.Context()
	scorers, err := s.store.Scorers(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	texts := map[int64]itemTexts{}
	var rows []splitJSON
	for _, x := range d.Compared {
		row := splitOf(d.By, x, d.Items[x.Unit])
		if len(scorers) > 0 {
			t, ok := texts[row.Item]
			if !ok {
				if t, err = s.textsOf(ctx, p, row.Item); err != nil {
					return nil, err
				}
				texts[row.Item] = t
			}
			for _, side := range t.card(ctx, "", "", d.By, dividedBy(x, row.Item), scorers).Sides {
				row.Sides = append(row.Sides, sided(side))
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// writeSplitsCSV writes one line for each comparison; models' sides stand in one column, "name=1".
func writeSplitsCSV(w io.Writer, rows []splitJSON) error {
	out := csv.NewWriter(w)
	head := []string{"prompt_id", "item", "first", "second", "by", "a", "b", "share_a", "share_b", "n_a", "n_b", "difference", "ci_lo", "ci_hi", "p", "q", "sides"}
	if err := out.Write(head); err != nil {
		return err
	}
	number := func(f figure) string {
		b, _ := f.MarshalJSON() // a figure always marshals
		return string(b)
	}
	for _, r := range rows {
		lo, hi := "", ""
		if r.CI != nil {
			lo, hi = number(r.CI[0]), number(r.CI[1])
		}
		sides := ""
		for i, s := range r.Sides {
			if i > 0 {
				sides += "; "
			}
			sides += s.Name + "=" + strconv.Itoa(s.Text)
		}
		err := out.Write([]string{csvText(r.Prompt), strconv.FormatInt(r.Item, 10), csvText(r.First), csvText(r.Second), csvText(r.By), csvText(r.A), csvText(r.B),
			number(r.ShareA), number(r.ShareB), strconv.Itoa(r.NA), strconv.Itoa(r.NB), number(r.Diff), lo, hi, number(r.P), number(r.Q), csvText(sides)})
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
