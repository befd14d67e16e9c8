package cpu

// Device runs graphs on this machine's processor. All programs compiled on a device share one team
// of workers, so they run one at a time; a device may be used from several goroutines.
type Device struct{ team *Team }

// Open returns a device with the given number of workers (0: one per physical core) and the
// fastest kernels the processor has, unless AGORA_CPU names others. Results do not depend on the
// number of workers.
func Open(workers int) (*Device, error) {
	k, err := Default()
	if err != nil {
		return nil, err
	}
	return OpenWith(workers, k), nil
}

// OpenWith is Open with a given kernel set.
func OpenWith(workers int, k *Kernels) *Device {
	return &Device{team: NewTeam(workers, k)}
}

// Workers is the number of workers.
func (d *Device) Workers() int { return d.team.Workers() }

// Kernels names the kernel set: avx512, avx2 or portable. Bits differ between sets.
func (d *Device) Kernels() string { return d.team.Kernels().Name() }
