package views

func sampleQueue() QueuePage {
	return QueuePage{Base: "/projects/1/queue", Figures: []Figure{{"Items", "60", ""}, {"Waiting", "72", ""}}, MayChange: true, KeysPage: "/projects/1/people/keys",
		Notes:     []Notice{{Kind: "warn", Title: "Nobody reads this", Text: "2 items wait."}},
		Languages: []QueueLanguage{{Lang: "en", Items: 58, Waiting: 70, Answered: 9, Readers: 4}, {Items: 2, Waiting: 2}},
		Groups:    []QueueGroup{{Group: "spanish", Quota: 1, Members: 8, Active: 2, Kept: 31, Answered: 9}, {Group: "yoruba", Quota: 1, Kept: 5, Small: true}},
		Silent:    []QueueSilent{{"gold", 4, 11}, {"repeat", 2, 2}}, Scored: 40, Items: 60,
		Scores: []ScoreSet{{Name: "scores.jsonl", SHA256: "0123456789abcdef", Rows: 160, Matched: 160, Items: 40, When: noon, Current: true}},
		Form: QueueForm{SortBy: "uncertain", Gold: "60", Repeat: "5", RepeatAfter: "20", ExtraFrom: "40", GroupBy: "cohort", FallbackHours: "48", ActiveHours: "24", Overlap: 3,
			GroupNames: []QuotaBy{{"cohort", "cohort", []QuotaField{{"spanish", "spanish", "1", "8 people"}, {"yoruba", "yoruba", "", ""}}}},
			Errors:     map[string]string{"gold_share": "60 % is not between 0 and 50", "quotas": "4 places are more than the overlap of 3"}}}
}

func samplePool() Pool {
	return Pool{Base: "/projects/1/pool", People: "/projects/1/people", Labelers: 84, MayChange: true, Figures: []Figure{{"Labelers", "84", ""}, {"Effective n", "51.2", ""}},
		Reading: "About 51 people.", Warning: "Nobody is in Age: 65+.",
		Groups: []PoolGroup{{Name: "Age", Known: "Of the 79 who said; 5 did not.", Rows: []PoolShare{{Value: "18–24", Share: .39, Target: .22, Count: "31"},
			{Value: "25–34", Share: .05, Target: -1, Hidden: "fewer than 5, not shown"}, {Value: "65+", Target: .25, Count: "0"}}}},
		Languages: []PoolCount{{Name: "English", N: "60"}, {Name: "Yoruba (Yorùbá)", Small: true}},
		Invites:   []PoolInvites{{"cohort=spanish", 1, 8, 0}, {"", 2, 0, 1}},
		Retention: Chart{ID: "retention", Title: "Active by week", XLabel: "week since joining", Unit: "%", Zero: true, Series: []Series{{Name: "Active by week", Points: []Point{{1, 100}, {2, 80}}}}, Now: "80 % in week 2"},
		Pay:       []PayRow{{"w1", 7, "1.50", "2.00", "27.00 EUR"}}, PaySum: PayRow{"", 7, "1.50", "2.00", "27.00 EUR"}, Paid: true, From: "2026-01-01",
		Sheet: "/projects/1/pool/pay?from=2026-01-01", NameSheet: "/projects/1/pool/pay/names?from=2026-01-01",
		Targets: TargetForm{Groups: []TargetGroup{{"age", "Age", []TargetField{{"18-24", "18–24", "22"}}, true}}, Cap: "5", UseWeights: true, Errors: map[string]string{"targets": "the shares of age sum to 22 %, not to 100"}},
		PayForm: PayForm{By: "hour", Rate: "-1", Currency: "EUR", Time: "active", Errors: map[string]string{"rate": "-1 is not between 0 and a million"}}}
}
