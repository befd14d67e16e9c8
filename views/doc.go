// Package views draws the site's pages. Components (*.templ) take plain view models from the file of
// the same name, never rows of the database: what must stay secret, such as which model wrote a text,
// cannot be shown because it never arrives here.
//
//	frame      the document around every page: navigation, notices, breadcrumb
//	parts      fields, tables' pager, explanations, states: what pages are made of
//	task       the ranking and the pairwise page
//	home       a labeler's start, answers and guidelines; sign in, join, failure
//	projects, items, agreement, winrate, leaderboard, runs, launch, users    the research console
//	chart      line charts as inline SVG with a table behind each
//	markdown   the one way in which a person's or a model's text becomes HTML
//	catalogue  every interface string by key; messages_en.go holds English
//	assets     stylesheet, scripts and icon, embedded, under names with a hash of their content
//
// Every page works as plain HTML; the scripts in static/js only add to it. After a change to a .templ
// file run `go tool templ generate -path views` at the top; after a wanted change of a page, `go test . -update` and look at
// the difference in testdata.
package views
