package views

// englishPeople holds the strings of joining, consent, survey, practice, screening and accounts.
var englishPeople = map[string]string{}
