package views

// changedSettings are those that leave their default.
func changedSettings(all []Setting) []Setting {
	var changed []Setting
	for _, s := range all {
		if s.Differs() {
			changed = append(changed, s)
		}
	}
	return changed
}

// runWait names the reason why a run has no charts yet.
func runWait(state string) string {
	switch state {
	case "queued", "running":
		return state
	default:
		return "over"
	}
}

// runActionClass is the look of the run's button: stopping warns, resuming does not.
func runActionClass(state string) string {
	if state == "running" || state == "queued" {
		return "btn danger"
	}
	return "btn"
}

// samplesTitle promises a comparison only where there is one.
func samplesTitle(pairs []SamplePair) string {
	for _, p := range pairs {
		if p.Before.Head != "" {
			return "run.samples"
		}
	}
	return "run.samples.only"
}
