package labeler

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesArtefacts serves what was made from a project's answers, and withdrawals.
func (s *Server) routesArtefacts() []Route {
	const base = "/projects/:project/artefacts"
	return []Route{
		{Method: http.MethodGet, Path: base, Allow: reviewers, Handle: s.artefacts},
		{Method: http.MethodPost, Path: base + "/:artefact/retire", Allow: researchers, Handle: s.retireArtefact},
		{Method: http.MethodPost, Path: "/projects/:project/withdraw", Allow: researchers, Handle: s.withdrawWorker},
	}
}

func artefactsPath(p db.Project) string { return projectPath(p) + "/artefacts" }

func (s *Server) artefacts(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	v, err := s.artefactsView(c.Request.Context(), p, researchers.allows(user(c).Role))
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "artefacts.title"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return render(c, http.StatusOK, views.ArtefactsPage(f, v))
}

func (s *Server) artefactsView(ctx context.Context, p db.Project, mayChange bool) (views.Artefacts, error) {
	var v views.Artefacts
	all, err := s.store.Artefacts(ctx, p.ID)
	if err != nil {
		return v, err
	}
	gone, err := s.store.Withdrawals(ctx, p.ID)
	if err != nil {
		return v, err
	}
	people, err := s.namesOf(ctx)
	if err != nil {
		return v, err
	}
	holds := map[int64][]string{} // artefact → workers who withdrew
	affected := map[int64]db.Artefact{}
	for _, w := range gone {
		of, err := s.store.ArtefactsOf(ctx, p.ID, w.Worker)
		if err != nil {
			return v, err
		}
		open := 0
		for _, a := range of {
			holds[a.ID] = append(holds[a.ID], w.Worker)
			affected[a.ID] = a
			open += boolOrder(a.Retired == 0)
		}
		v.Withdrawals = append(v.Withdrawals, views.WithdrawalRow{Worker: w.Worker, Answers: int(w.Answers), Artefacts: open, When: w.Created.Time()})
	}
	direct, err := s.store.DirectlyIn(ctx, p.ID)
	if err != nil {
		return v, err
	}
	row := func(a db.Artefact) views.ArtefactRow {
		r := views.ArtefactRow{Anchor: fmt.Sprintf("artefact-%d", a.ID), Name: a.Name, Kind: artefactKind(ctx, a), SHA256: a.SHA256, Rows: int(a.Rows),
			When: a.Created.Time(), Done: a.Retired.Time(), DoneNote: a.RetiredNote, DoneBy: people[a.RetiredBy], Workers: views.List(ctx, holds[a.ID])}
		r.Direct = slices.ContainsFunc(holds[a.ID], func(w string) bool { return direct[a.ID][w] })
		if a.RunID != 0 {
			r.Href = fmt.Sprintf("/runs/%d", a.RunID)
		}
		if mayChange && a.Retired == 0 {
			r.Retire = fmt.Sprintf("%s/%d/retire", artefactsPath(p), a.ID)
		}
		return r
	}
	for _, a := range all {
		if _, is := affected[a.ID]; !is {
			v.Others = append(v.Others, row(a))
		}
	}
	ids := make([]int64, 0, len(affected))
	for id := range affected {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		v.Affected = append(v.Affected, row(affected[id]))
	}
	if mayChange {
		v.Withdraw = projectPath(p) + "/withdraw"
		v.Workers, err = s.withdrawable(ctx, p, gone)
	}
	return v, err
}

// withdrawable are the workers who have not withdrawn yet.
func (s *Server) withdrawable(ctx context.Context, p db.Project, gone []db.Withdrawal) ([]views.Choice, error) {
	has, err := s.store.ReviewChoices(ctx, p.ID)
	var list []views.Choice
	for _, w := range has.Workers {
		if !slices.ContainsFunc(gone, func(g db.Withdrawal) bool { return g.Worker == w }) {
			list = append(list, views.Choice{Value: w, Label: w})
		}
	}
	return list, err
}

// artefactKind is what an artefact is, in words.
func artefactKind(ctx context.Context, a db.Artefact) string {
	if a.Kind == db.ArtefactExport {
		return views.T(ctx, "artefacts.kind.export", a.Format)
	}
	return views.T(ctx, "kind."+a.Kind)
}

func (s *Server) retireArtefact(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	artefact, err := id(c, "artefact")
	if err != nil {
		return err
	}
	if err := s.store.RetireArtefact(c.Request.Context(), user(c).ID, artefact, c.PostForm("note")); err != nil {
		return err
	}
	s.notice(c, say(c, "artefacts.retired"))
	return seeOther(c, fmt.Sprintf("%s#artefact-%d", artefactsPath(p), artefact))
}

// withdrawWorker withdraws somebody's answers on their behalf.
func (s *Server) withdrawWorker(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	if c.PostForm("sure") != "true" {
		return db.Invalid("sure", "%s", say(c, "withdraw.notsure"))
	}
	w, err := s.store.Withdraw(c.Request.Context(), db.Withdraw{ProjectID: p.ID, Worker: c.PostForm("worker"), By: user(c).ID, Reopen: c.PostForm("reopen") == "true"})
	if err != nil {
		return err
	}
	s.notice(c, say(c, "withdraw.done", views.Count(w.Answers), views.Count(len(w.Artefacts))))
	return seeOther(c, artefactsPath(p)+"#affected")
}
