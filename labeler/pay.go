package labeler

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"agora/db"

	"github.com/gin-gonic/gin"
)

// payRow is what one labeler did and earned in a span of days.
type payRow struct {
	UserID      int64
	Worker      string
	Tasks       int64
	ActiveHours float64
	LeaseHours  float64
	Amount      float64 // rounded to hundredths of the currency
}

// payRows sums work by labeler and prices it; from and to are days, to included.
func payRows(work []db.WorkDay, rate db.PoolSettings, from, to int64) []payRow {
	by := map[int64]*payRow{}
	for _, w := range work {
		if w.Day < from || w.Day > to {
			continue
		}
		r := by[w.UserID]
		if r == nil {
			r = &payRow{UserID: w.UserID, Worker: w.Worker}
			by[w.UserID] = r
		}
		r.Tasks += w.Tasks
		r.ActiveHours += float64(w.ActiveMS) / 3.6e6
		r.LeaseHours += float64(w.LeaseMS) / 3.6e6
	}
	var rows []payRow
	for _, r := range by {
		r.Amount = earned(*r, rate)
		rows = append(rows, *r)
	}
	slices.SortFunc(rows, func(a, b payRow) int {
		return cmp.Or(-cmp.Compare(a.Tasks, b.Tasks), strings.Compare(a.Worker, b.Worker))
	})
	return rows
}

// earned is the price of a row.
func earned(r payRow, rate db.PoolSettings) float64 {
	units := 0.0
	switch {
	case rate.PayBy == db.PayByItem:
		units = float64(r.Tasks)
	case rate.PayBy == db.PayByHour && rate.PayTime == db.PayLease:
		units = r.LeaseHours
	case rate.PayBy == db.PayByHour:
		units = r.ActiveHours
	}
	return math.Round(100*units*rate.Rate) / 100
}

// daySpan reads the days of a request, to included; without them all days.
func daySpan(c *gin.Context) (from, to int64, err error) {
	from, to = 0, math.MaxInt32
	for name, day := range map[string]*int64{"from": &from, "to": &to} {
		text := c.Query(name)
		if text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return 0, 0, db.Invalid(name, "%.20q is not a day such as 2026-01-31", text)
		}
		*day = t.Unix() / 86_400
	}
	if from > to {
		return 0, 0, db.Invalid("to", "the last day lies before the first")
	}
	return from, to, nil
}

// paySheet sends the sheet by pseudonym.
func (s *Server) paySheet(c *gin.Context) error { return s.sendPay(c, false) }

// paySheetNames sends it with people's names, which only admins see.
func (s *Server) paySheetNames(c *gin.Context) error { return s.sendPay(c, true) }

func (s *Server) sendPay(c *gin.Context, names bool) error {
	ctx := c.Request.Context()
	p, err := s.project(c)
	if err != nil {
		return err
	}
	from, to, err := daySpan(c)
	if err != nil {
		return err
	}
	rate, err := s.store.PoolSettings(ctx, p.ID)
	if err != nil {
		return err
	}
	work, err := s.store.Work(ctx, p.ID)
	if err != nil {
		return err
	}
	rows := payRows(work, rate, from, to)
	of := map[int64]string{}
	if names {
		if of, err = s.accountNames(ctx); err != nil {
			return err
		}
	}
	if err := s.store.Log(ctx, user(c).ID, "pay.export", fmt.Sprintf("project:%d", p.ID),
		map[string]any{"names": names, "rows": len(rows), "from": c.Query("from"), "to": c.Query("to")}); err != nil {
		return err
	}
	c.Header("Content-Type", "text/csv; charset=utf-8")
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", p.Name+"-pay.csv"))
	c.Status(http.StatusOK)
	return writePay(csv.NewWriter(c.Writer), rows, rate, of, names)
}

// accountNames is the name that each account signs in with.
func (s *Server) accountNames(ctx context.Context) (map[int64]string, error) {
	users, err := s.store.Users(ctx)
	of := map[int64]string{}
	for _, u := range users {
		of[u.ID] = u.Name
	}
	return of, err
}

// writePay writes the sheet. Amounts have a point and no grouping, as programs read them.
func writePay(w *csv.Writer, rows []payRow, rate db.PoolSettings, of map[int64]string, names bool) error {
	head := []string{"labeler", "tasks", "active_hours", "lease_hours", "paid_by", "rate", "amount", "currency"}
	if names {
		head = slices.Insert(head, 1, "name")
	}
	if err := w.Write(head); err != nil {
		return err
	}
	by := rate.PayBy
	if by == db.PayByHour {
		by += ", " + rate.PayTime + " time"
	}
	for _, r := range rows {
		line := []string{r.Worker, strconv.FormatInt(r.Tasks, 10), fmt.Sprintf("%.4f", r.ActiveHours), fmt.Sprintf("%.4f", r.LeaseHours),
			by, strconv.FormatFloat(rate.Rate, 'f', -1, 64), fmt.Sprintf("%.2f", r.Amount), rate.Currency}
		if names {
			line = slices.Insert(line, 1, csvText(of[r.UserID]))
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
