package cpu_test

import (
	"fmt"

	"agora/policy/cpu"
	"agora/policy/graph"
)

// A line through four points, found by AdamW.
func Example() {
	params := graph.NewParams()
	slope, offset := params.MustAdd("slope", 1, 1), params.MustAdd("offset", 1, 1)
	g := graph.New(params)
	points := g.Dim("points", 100) // room for a hundred
	x, y, mean := g.Floats("x", points, 1), g.Floats("y", points, 1), g.Floats("mean", points, 1)
	loss := g.WeightedSum(g.Square(g.Sub(g.Linear(x, slope, offset), y)), mean)
	g.Gradients(loss)

	dev, err := cpu.Open(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	prog, err := dev.Compile(g, loss)
	if err != nil {
		fmt.Println(err)
		return
	}
	opt := dev.NewAdamW(params)
	var f graph.Feeds
	f.Floats(x, []float32{0, 1, 2, 3})
	f.Floats(y, []float32{1, 3, 5, 7})
	f.Floats(mean, []float32{.25, .25, .25, .25})
	for range 400 {
		if err := prog.Run(&f); err != nil {
			fmt.Println(err)
			return
		}
		if _, err := opt.Step(cpu.AdamWConfig{LearningRate: .05, Beta1: .9, Beta2: .99, Eps: 1e-8}); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Printf("y = %.2fx + %.2f\n", slope.Data[0], offset.Data[0])
	// Output:
	// y = 2.00x + 1.00
}
