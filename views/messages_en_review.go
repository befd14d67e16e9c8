package views

// englishReview holds the strings of review, withdrawal, data in and out.
var englishReview = map[string]string{}
