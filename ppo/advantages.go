package ppo

// Advantages fills adv and ret by generalised advantage estimation
// (Schulman et al. 2016, arXiv:1506.02438, eq. 16).
//
//	rewards, values  one entry per response token, values estimated before the token
//	adv, ret         same length, overwritten; ret[t] = adv[t] + values[t]
//
// The value after the last token is 0: the episode ends there.
func Advantages(adv, ret, rewards, values []float32, gamma, lambda float32) {
	var next, run float32 // V(t+1) and A(t+1)
	for t := len(rewards) - 1; t >= 0; t-- {
		delta := rewards[t] + gamma*next - values[t]
		run = delta + gamma*lambda*run
		adv[t], ret[t] = run, run+values[t]
		next = values[t]
	}
}
