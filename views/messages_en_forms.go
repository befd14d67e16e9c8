package views

// englishForms holds the strings of task forms and kinds.
var englishForms = map[string]string{}
