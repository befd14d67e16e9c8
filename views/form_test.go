package views

import (
	"strings"
	"testing"

	"github.com/a-h/templ"
)

// formSamples are the pages of task forms and kinds.
func formSamples() map[string]templ.Component {
	lena := Frame{Title: "Tasks", Path: "/tasks", User: Person{"lena", "labeler"}, Reading: true}
	mira := Frame{Title: "Task form", Path: "/projects/1/form", User: Person{"mira", "admin"}}
	return map[string]templ.Component{
		"form-instructgpt":   TaskPage(lena, sampleRated()),
		"form-problems":      TaskPage(lena, sampleRatedProblems()),
		"form-rating":        TaskPage(lena, Task{Action: "/tasks/L3", Kind: TaskRating, Form: sampleRatedForm(), Turns: []Turn{{"user", "Sky?"}}, Texts: []Completion{{Key: "kA", Text: "Blue."}}}),
		"form-demonstration": TaskPage(lena, Task{Action: "/tasks/L4", Kind: TaskDemo, Form: sampleForm(), Language: "ar", Turns: []Turn{{"user", "كيف؟"}}, Written: Written{Text: "a <b>"}}),
		"form-prompt": TaskPage(lena, Task{Action: "/tasks/L5", Kind: TaskPrompt, Form: sampleForm(), Written: Written{Style: "few_shot", UseCase: "chat", Text: "Do it.", Query: "q",
			Examples: []Example{{"a", "b"}}}, Problems: []Problem{{"use_case", "Please choose the use case."}, {"examples", "An example is missing."}}}),
		"form-brief":  TaskPage(lena, Task{Action: "/tasks/L6", Kind: TaskPrompt, Form: sampleForm(), Turns: []Turn{{"user", "A travel agency."}}, Brief: Brief{"few_shot", "chat"}}),
		"form-editor": FormPage(mira, sampleEditor()),
	}
}

// sampleForm asks for a ranking and nothing else.
func sampleForm() TaskForm { return TaskForm{Ties: true, Steps: 5, AskSure: true, AskNote: true} }

// sampleRatedForm has a scale and flags of the catalogue and of a lead's own.
func sampleRatedForm() TaskForm {
	f := sampleForm()
	f.RateFirst = true
	f.Axes = []Axis{{Key: "overall", Min: 1, Max: 7}, {Key: "tone", Name: "Tone <i>", Help: "How it sounds", Low: "cold", Min: 0, Max: 2, NA: true}}
	f.Flags = []Flag{{Key: "hallucination", NA: true}, {Key: "expresses_opinion"}, {Key: "own", Name: "My flag", Help: "When?"}}
	f.PromptFlags = []Flag{{Key: "ambiguous"}}
	return f
}

func sampleRated() Task {
	t := sampleTask()
	t.Language, t.Form, t.Turn = "", sampleRatedForm(), 2
	t.Texts[0].Scores, t.Texts[0].Flags = map[string]string{"overall": "6", "tone": NA}, map[string]string{"hallucination": NA, "expresses_opinion": Yes}
	t.PromptFlags = map[string]string{"ambiguous": Yes}
	return t
}

func sampleRatedProblems() Task {
	t := sampleRated()
	t.Form.RateFirst = false
	t.Problems = []Problem{{"axis_kB_overall", "Completion B: please rate “Overall quality”."}, {"flag_kC_hallucination", "Completion C: please answer “Hallucination”."},
		{"sure", "Please say how sure you are."}, {"note", "Please write a note."}}
	return t
}

func sampleEditor() FormEditor {
	return FormEditor{Action: "/projects/1/form", Kind: TaskRank, KindName: "Rank four completions", Version: "f2", Preset: "instructgpt", Presets: []Choice{{"rank-only", "rank-only"}},
		Axes:  []FormAxisRow{{Key: "overall", Name: "Overall quality", Min: "1", Max: "7"}, {Name: "", Min: "x", Max: "7"}},
		Flags: []FormFlagRow{{Key: "own", Name: "My <flag>", Help: "When?", NA: true}}, MinK: "2", MaxK: "9", On: map[string]bool{"ties": true},
		Errors: []Problem{{"axes.2", "Scale 2: please write a name."}}, Preview: Task{Kind: TaskRank, Form: sampleRatedForm(), Texts: []Completion{{Key: "A", Text: "Sun."}, {Key: "B", Text: "Water."}}},
		Versions: []FormVersion{{Name: "f2", By: "mira", When: noon, Answers: 1200, Current: true, Href: "?version=f2"}, {Name: "f1", When: noon, Href: "?version=f1"}}, MayChange: true,
		Writing: &Writing{Briefs: "/b", PassOn: "/p", Count: "0", Written: 1, Projects: []Choice{{"2", "Answers"}}, StyleChoices: []Choice{{"", "any"}}, UseCaseChoices: []Choice{{"", "any"}}, Errors: map[string]string{"count": "0 is not between 1 and 1000"}}}
}

// TestFormMeaning: every field of a rating has a name that says which completion it is about, its help
// and its message are tied to it, and what was not answered is not chosen.
func TestFormMeaning(t *testing.T) {
	page := render(t, TaskPage(Frame{Title: "x"}, sampleRatedProblems()))
	for _, want := range []string{
		`<legend>Overall quality <span class="vh">of completion B, from 1 to 7</span></legend>`,
		`id="axis_kB_overall" aria-describedby="axis_kB_overall-err"`,
		`id="axis_kA_tone" aria-describedby="axis_kA_tone-help"`,
		`Tone &lt;i&gt;`,
		`name="axis_kA_overall" value="6" checked`,
		`name="axis_kA_tone" value="na" checked`,
		`name="flag_kA_hallucination" value="na" checked`,
		`id="note" name="note" dir="auto" rows="3" maxlength="4000" aria-describedby="note-err"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, field := range []string{"axis_kB_overall", "axis_kC_tone", "flag_kB_hallucination"} {
		for _, part := range strings.Split(page, `name="`+field+`"`)[1:] {
			if tag, _, _ := strings.Cut(part, ">"); strings.Contains(tag, "checked") {
				t.Errorf("%s is chosen before anybody chose it", field)
			}
		}
	}
	if n := strings.Count(page, `type="checkbox" id="flag_kA_`); n != 2 {
		t.Errorf("%d boxes to tick for A, want 2: the flag with N/A has three answers", n)
	}
}

// TestPairSteps: the steps follow the form.
func TestPairSteps(t *testing.T) {
	for _, tt := range []struct {
		steps int
		ties  bool
		want  string
	}{{5, true, "-2 -1 0 1 2"}, {5, false, "-2 -1 1 2"}, {3, true, "-1 0 1"}, {3, false, "-1 1"}} {
		var got []string
		for _, c := range (Task{Form: TaskForm{Steps: tt.steps, Ties: tt.ties}}).choices(t.Context()) {
			got = append(got, c.value)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%d steps, ties %v: %s, want %s", tt.steps, tt.ties, s, tt.want)
		}
	}
}
