package views

// englishQuality holds the strings of quality and disagreement.
var englishQuality = map[string]string{}
