package views

// englishQueue holds the strings of the queue and the pool.
var englishQueue = map[string]string{}
