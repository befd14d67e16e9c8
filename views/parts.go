package views

import (
	"fmt"
	"strings"

	"github.com/a-h/templ"
)

// describedBy ties an input to its error and hint for screen readers.
func describedBy(f Field) templ.Attributes {
	var ids []string
	a := templ.Attributes{}
	if f.Error != "" {
		ids = append(ids, f.ID+"-err")
		a["aria-invalid"] = "true"
	}
	if f.Hint != "" {
		ids = append(ids, f.ID+"-hint")
	}
	if len(ids) > 0 {
		a["aria-describedby"] = strings.Join(ids, " ")
	}
	return a
}

func inputAttributes(f Field) templ.Attributes {
	a := describedBy(f)
	optional := map[string]string{"autocomplete": f.Autocomplete, "accept": f.Accept, "min": f.Min, "max": f.Max, "step": f.Step}
	if len(f.Choices) > 0 {
		a["list"] = f.ID + "-list"
	}
	for name, value := range optional {
		if value != "" {
			a[name] = value
		}
	}
	return a
}

func rows(f Field) string { return fmt.Sprint(max(f.Rows, 3)) }

func langOf(lang string) templ.Attributes {
	if lang == "" {
		return nil
	}
	return templ.Attributes{"lang": lang}
}

// stateClass is the look of a state's word; an unknown state is plain.
func stateClass(state string) string {
	return map[string]string{
		"running": "info live", "queued": "info", "done": "good", "failed": "bad", "stopped": "warn", "stopping": "warn",
		"open": "info", "complete": "good", "used": "good", "expired": "warn", "active": "good", "disabled": "warn",
	}[state]
}

// inPlace lets htmx, where scripts run, put the content of the page at an address in the place of this
// page's content: the frame stays, and the address goes into the history as ever.
func inPlace(address string) templ.Attributes {
	return templ.Attributes{"hx-get": address, "hx-target": "#main", "hx-select": "#main", "hx-swap": "outerHTML show:top", "hx-push-url": "true"}
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return ""
}
