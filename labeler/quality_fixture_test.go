package labeler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"agora/db"
	"agora/reward/prefs"
)

// everydayQuestions are invented prompts with three answers each: one that is brief, one that is warm and one
// that is long, so that people may well differ.
var everydayQuestions = [][4]string{
	{"Should I tell my friend that I did not like her play?", "Yes. Name one thing you enjoyed first.", "You could thank her for the evening and leave it there until she asks.", "It depends on what she hopes for. Some people ask for praise, others for help with the next one. Ask her which, and then be kind and exact."},
	{"How do I decline a second helping at my host's table?", "Say that you are full, and smile.", "Praise the dish twice, decline once, and accept a little if you are asked again.", "Put your cutlery down, say how good it was, and tell the host which dish you will ask the recipe of. That is a compliment and an answer."},
	{"What should I bring to a new neighbour?", "Bread and salt.", "Something from your own kitchen, with a note on where the good bakery is.", "A small plant that needs little light, your telephone number, and an offer to take in parcels in the first week."},
	{"My grandmother repeats her stories. What do I do?", "Listen again.", "Ask about a detail that she has not told yet; the story becomes new.", "Write one of them down and read it to her. She will correct you, and you will both have it."},
	{"How early may I ring on a Sunday?", "Not before ten.", "Send a message first and ask.", "It depends on the house. Where there are small children ten is late; where people work nights noon is early. Ask once and remember."},
	{"Is it rude to correct somebody's grammar?", "Mostly, yes.", "In private and when asked it is a kindness.", "Correct what changes the meaning and let the rest pass, unless the text will be printed."},
	{"How do I ask for a book back?", "Ask for it.", "Say that somebody else would like to read it next.", "Tell them which passage you want to look up. If they have not finished, agree on a day."},
	{"May I leave a party without saying goodbye?", "Yes, if it is large.", "Find the host, thank them in one sentence, and go.", "Go quietly and send a message from the tram, so that nobody worries and nobody has to leave the conversation."},
	{"How do I thank a teacher after many years?", "Write a letter.", "Tell them one thing that they said and what you did with it.", "Send a photograph of what you do now, with two lines on the back. Teachers seldom hear how it went on."},
	{"What do I say to a colleague who lost a pet?", "I am sorry.", "Ask for the name, and let them tell you about it.", "Say that you heard, that you are sorry, and that you will take the telephone this afternoon."},
}

// addQuality makes a project with the answers of seventeen people of two regions: the north likes brief texts,
// the south warm ones, on the first questions; one person always takes what is shown first, and one becomes
// careless half way. They also rate and flag.
func (s *testSite) addQuality() db.Project {
	s.t.Helper()
	p := s.addProject("manners", "Everyday manners", db.KindRank, 3)
	file := ImportFile{Project: p.ID, Name: "manners.jsonl", Data: strings.NewReader(mannersLines()), Format: prefs.FormatRanked}
	if _, err := importRecords(context.Background(), s.st.Store, file); err != nil {
		s.t.Fatal(err)
	}
	s.addChecked(p)
	return p
}

// checkQuestions have a key: the first answer is right, the second half right.
var checkQuestions = [][4]string{
	{"How many days does a leap year have?", "366.", "One more than other years.", "354."},
	{"Which planet is nearer to the Sun, Venus or Mars?", "Venus.", "One of the inner ones.", "Mars."},
	{"What does a barometer measure?", "The pressure of the air.", "Something about the weather.", "The speed of the wind."},
	{"How many strings does a violin have?", "Four.", "Fewer than a guitar.", "Six."},
	{"Which is the heavier metal, lead or tin?", "Lead.", "It depends on how much you have.", "Tin."},
	{"At what temperature does water freeze?", "At 0 °C, at the pressure of the sea's surface.", "When it is cold.", "At 4 °C."},
}

// addChecked hands new questions out to three members, with known and repeated items among them. The first
// is careful, the second now and then puts the middle text last, the third answers by chance.
func (s *testSite) addChecked(p db.Project) {
	s.t.Helper()
	ctx := context.Background()
	p.Overlap = 3
	p = must(s.st.UpdateProject(ctx, 0, p))
	q := db.DefaultQueue(p.ID)
	q.GoldShare, q.RepeatShare, q.RepeatAfter = .2, .3, 5
	s.try(s.st.SetQueue(ctx, 0, q))
	var rows []db.NewItem
	for i, question := range everydayQuestions {
		for round := range 2 {
			rows = append(rows, shortItem(fmt.Sprintf("more-%d-%d", i+1, round+1), question[0], question[1:]...))
		}
	}
	for i, question := range checkQuestions {
		it := shortItem(fmt.Sprintf("known-%d", i+1), question[0], question[1:]...)
		it.Purpose, it.Solution = db.ForGold, `{"ranks":[1,2,3]}`
		rows = append(rows, it)
	}
	must(s.st.AddItems(ctx, p.ID, 0, "more", rows))
	rng := rand.New(rand.NewPCG(3, 5))
	for who := range 3 {
		u := s.join(p, fmt.Sprintf("%s-%d", p.Name, who+1))
		for {
			t, err := s.st.Next(ctx, p.ID, u.ID)
			if errors.Is(err, db.ErrNoTask) {
				break
			}
			s.try(err)
			s.st.Clock.Advance(time.Duration(25+rng.IntN(40)) * time.Second)
			must(s.st.Submit(ctx, u.ID, t.Lease.ID, s.checkedRanking(p, t, who, rng)))
		}
	}
}

// workerOf is somebody's pseudonym in a project.
func (s *testSite) workerOf(p db.Project, user string) string {
	s.t.Helper()
	u := must(s.st.UserByName(context.Background(), user))
	for _, m := range must(s.st.MemberGroups(context.Background(), p.ID)) {
		if m.UserID == u.ID {
			return m.Worker
		}
	}
	s.t.Fatalf("%s is no member of %s", user, p.Name)
	return ""
}

// checkedRanking is how the who-th member of addChecked ranks a task: by position in the file, mostly.
func (s *testSite) checkedRanking(p db.Project, t db.Task, who int, rng *rand.Rand) db.Ranking {
	s.t.Helper()
	ranks := []int{1, 2, 3}
	switch {
	case who == 1 && rng.Float64() < .3:
		ranks = []int{1, 3, 2}
	case who == 2:
		rng.Shuffle(3, func(i, j int) { ranks[i], ranks[j] = ranks[j], ranks[i] })
	}
	r := db.Ranking{Ranks: map[string]int{}, ActiveMS: int64(20_000 + rng.IntN(30_000))}
	for i, c := range must(s.st.ItemDetail(context.Background(), p.ID, t.ItemID)).Completions {
		r.Ranks[c.Key] = ranks[i]
	}
	return r
}

// mannersLines is the answers, in ranked/1.
func mannersLines() string {
	rng := rand.New(rand.NewPCG(11, 1))
	policies := []string{"policy-ppo", "policy-sft", "policy-base"}
	var b strings.Builder
	for round := range 4 {
		for q, question := range everydayQuestions {
			for who := range 17 {
				north := who%2 == 0
				liking := []float64{1, .8, .2} // brief, warm, long
				switch {
				case who == 15 && round >= 2:
					liking = []float64{0, 0, 0}
				case q < 3 && north:
					liking = []float64{2, .2, .4}
				case q < 3:
					liking = []float64{.2, 2, .4}
				}
				shown := rng.Perm(3)
				for i := range liking {
					liking[i] += .6 * rng.NormFloat64()
				}
				if who == 16 {
					for place, i := range shown {
						liking[i] = float64(3 - place)
					}
				}
				line := map[string]any{"schema": "ranked/1", "prompt_id": fmt.Sprintf("manners-%d-%d", q+1, round+1), "prompt": question[0], "lang": "en",
					"worker": fmt.Sprintf("w%02d", who+1), "groups": map[string]string{"region": map[bool]string{true: "north", false: "south"}[north]}, "active_ms": int(1000 * (20 + 9*rng.ExpFloat64()*float64(1+who%4)))}
				var texts, ratings []map[string]any
				ids, ranks := []string{}, []int{}
				for i, policy := range policies {
					id := fmt.Sprintf("c%d", i+1)
					texts = append(texts, map[string]any{"id": id, "text": question[i+1], "policy": policy})
					ranks = append(ranks, 1+better(liking, i))
					rating := map[string]any{"id": id, "overall": min(7, max(1, int(3.5+1.4*liking[i]))), "flags": []string{}}
					if i == 2 && rng.Float64() < .8 || rng.Float64() < .08 {
						rating["flags"] = []string{"expresses_opinion"}
					}
					ratings = append(ratings, rating)
				}
				for _, i := range shown {
					ids = append(ids, fmt.Sprintf("c%d", i+1))
				}
				line["completions"], line["ranks"], line["ratings"], line["shown_order"] = texts, ranks, ratings, ids
				text, err := json.Marshal(line)
				if err != nil {
					panic(err)
				}
				b.Write(append(text, '\n'))
			}
		}
	}
	return b.String()
}

// better counts the texts that are liked clearly more; what is about equal is a tie.
func better(liking []float64, i int) (n int) {
	for _, x := range liking {
		if x > liking[i]+.25 {
			n++
		}
	}
	return n
}

// warmStats computes a project's figures, so that pages show them at once, and returns the address of the
// prompt that divides people most.
func (s *testSite) warmStats(p db.Project) string {
	s.t.Helper()
	ctx := context.Background()
	for {
		q, err := s.qualityOf(ctx, p, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		d, err := s.disagreementOf(ctx, p, "")
		if err != nil {
			s.t.Fatal(err)
		}
		if q.Fresh && d.Fresh {
			return fmt.Sprintf("%s/disagreement/items/%d?by=%s", projectPath(p), d.Value.Prompts[0].Item, d.Value.By)
		}
	}
}
