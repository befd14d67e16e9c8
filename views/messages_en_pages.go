package views

// englishPages holds the strings of the texts of the task page, languages and the component gallery.
var englishPages = map[string]string{}
