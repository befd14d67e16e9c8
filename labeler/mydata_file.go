package labeler

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"agora/db"

	"github.com/gin-gonic/gin"
)

// myDataJSON is everything the site holds about a person, for the person.
type myDataJSON struct {
	Name      string          `json:"name"`
	Role      db.Role         `json:"role"`
	Created   time.Time       `json:"created"`
	LastLogin time.Time       `json:"last_login,omitzero"`
	TOTP      bool            `json:"second_factor"`
	Language  string          `json:"interface_language,omitempty"`
	Profile   *profileJSON    `json:"work_profile,omitempty"`
	Projects  []myProjectJSON `json:"projects"`
}

type profileJSON struct {
	Languages []string  `json:"languages"`
	OptOuts   []string  `json:"opt_outs"`
	Topics    string    `json:"topics,omitempty"`
	Updated   time.Time `json:"updated"`
}

type myProjectJSON struct {
	Project    string              `json:"project"`
	Worker     string              `json:"worker"`
	Stage      string              `json:"stage"`
	Joined     time.Time           `json:"joined"`
	Tags       map[string]string   `json:"tags,omitempty"`
	Consents   []consentJSON       `json:"consents,omitempty"`
	Guidelines int                 `json:"guidelines_read,omitempty"`
	Survey     map[string][]string `json:"survey,omitempty"`
	Shared     bool                `json:"survey_shared,omitempty"`
	Feedback   bool                `json:"feedback_given"`
	Questions  []questionJSON      `json:"questions,omitempty"`
	Answers    []myAnswerJSON      `json:"answers,omitempty"`
}

type consentJSON struct {
	Version string    `json:"version"`
	Agreed  bool      `json:"agreed"`
	At      time.Time `json:"at"`
}

type questionJSON struct {
	Text  string    `json:"text"`
	Asked time.Time `json:"asked"`
}

// myAnswerJSON is one answer. The texts it is about are named, not repeated.
type myAnswerJSON struct {
	PromptID       string          `json:"prompt_id"`
	Prompt         json.RawMessage `json:"prompt"`
	Completions    []string        `json:"completions"`
	State          string          `json:"state"`
	Ranks          []*int          `json:"ranks"`
	Strength       *float64        `json:"strength,omitempty"`
	NoneAcceptable bool            `json:"none_acceptable,omitempty"`
	Confidence     *float64        `json:"confidence,omitempty"`
	Note           string          `json:"note,omitempty"`
	Details        json.RawMessage `json:"details,omitempty"`
	Guideline      string          `json:"guideline_version"`
	AnsweredAt     time.Time       `json:"answered_at"`
}

// myDataFile gives the visitor all of it as one file.
func (s *Server) myDataFile(c *gin.Context) error {
	ctx, u := c.Request.Context(), user(c)
	out := myDataJSON{Name: u.Name, Role: u.Role, Created: u.Created.Time(), LastLogin: u.LastLogin.Time(), TOTP: u.TOTP != 0, Language: u.UILanguage, Projects: []myProjectJSON{}}
	p, err := s.store.Profile(ctx, u.ID)
	if err != nil {
		return err
	}
	if p.Updated != 0 {
		out.Profile = &profileJSON{p.Languages, p.OptOuts, p.Topics, p.Updated.Time()}
	}
	projects, err := s.store.MyData(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, p := range projects {
		of, err := s.myProjectJSON(ctx, p)
		if err != nil {
			return err
		}
		out.Projects = append(out.Projects, of)
	}
	c.Header("Content-Disposition", `attachment; filename="my-data.json"`)
	c.IndentedJSON(http.StatusOK, out)
	return nil
}

func (s *Server) myProjectJSON(ctx context.Context, p db.MyProject) (myProjectJSON, error) {
	out := myProjectJSON{Project: p.Project.Name, Worker: p.Member.Worker, Stage: p.Member.Stage, Joined: p.Member.Joined.Time(), Tags: p.Member.Tags,
		Guidelines: p.Read, Feedback: p.Feedback}
	for _, c := range p.Consents {
		out.Consents = append(out.Consents, consentJSON{db.ConsentText{Version: c.Version}.Name(), c.Agreed, c.At.Time()})
	}
	if p.Survey != nil {
		out.Survey, out.Shared = p.Survey.Answers, p.Survey.Training
	}
	for _, q := range p.Questions {
		out.Questions = append(out.Questions, questionJSON{q.Text, q.Asked.Time()})
	}
	err := s.store.MyAnswers(ctx, p.Project.ID, p.Member.UserID, func(r db.Record) error {
		a := myAnswerJSON{PromptID: r.Item.PromptID, Prompt: json.RawMessage(r.Item.Prompt), State: r.Answer.State, Ranks: r.Answer.Ranks, Strength: r.Answer.Strength,
			NoneAcceptable: r.Answer.NoneAcceptable, Confidence: r.Answer.Confidence, Note: r.Answer.Note, Guideline: r.Answer.Guideline, AnsweredAt: r.Answer.Answered.Time()}
		if r.Answer.Details != "" {
			a.Details = json.RawMessage(r.Answer.Details)
		}
		for _, t := range r.Completions {
			a.Completions = append(a.Completions, t.Text)
		}
		out.Answers = append(out.Answers, a)
		return nil
	})
	return out, err
}
