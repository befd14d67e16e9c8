package graph_test

import (
	"fmt"

	"agora/policy/graph"
)

// A bigram model: the next token depends on the current one only. Six steps of gradient descent.
func Example() {
	const vocab, d = 5, 4
	params := graph.NewParams()
	emb, head := params.MustAdd("emb", vocab, d), params.MustAdd("head", vocab, d)
	for i := range emb.Data {
		emb.Data[i], head.Data[i] = float32(i%3)-1, float32(i%2)/2
	}

	g := graph.New(params)
	tokens := g.Dim("tokens", 64)
	ids, targets, weights := g.Ints("ids", tokens), g.Ints("targets", tokens), g.Floats("weights", tokens, 1)
	loss, _ := g.CrossEntropy(g.Embedding(ids, emb), graph.Head{W: head}, targets, weights)
	g.Gradients(loss)

	prog, err := graph.NewReference(g) // cpu.Device.Compile returns the fast program
	if err != nil {
		fmt.Println(err)
		return
	}
	var f graph.Feeds
	f.Ints(ids, []int32{0, 1, 2, 3})
	f.Ints(targets, []int32{1, 2, 3, 4})
	f.Floats(weights, []float32{.25, .25, .25, .25})
	for range 6 {
		if err := prog.Run(&f); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.3f\n", prog.Floats(loss)[0])
		for _, p := range params.List() {
			for i, dw := range p.Grad {
				p.Data[i] -= dw
			}
		}
		params.Changed()
	}
	// Output:
	// 1.609
	// 1.067
	// 0.792
	// 0.636
	// 0.545
	// 0.492
}
