// Package graph describes transformer computations as graphs of layer-level operations and
// differentiates them. It does not compute: a device (policy/cpu, or Reference here for tests)
// compiles a graph into a Program.
//
// Everything is a token stream: activations are [tokens, width], sequences lie one after another
// without padding, and a Layout says where each one ends. Rows are symbolic (Dim) with a capacity,
// columns are fixed. A small language model, its loss and its gradients:
//
//	params := graph.NewParams()
//	emb := params.MustAdd("emb", vocab, d)        // then fill emb.Data
//	…
//	g := graph.New(params)
//	tokens, seqs := g.Dim("tokens", 2048), g.Dim("seqs", 64)
//	layout := g.Layout("batch", tokens, seqs, 256)
//	ids, targets := g.Ints("ids", tokens), g.Ints("targets", tokens)
//	weights := g.Floats("weights", tokens, 1)
//	x := g.Embedding(ids, emb)
//	h := g.RMSNorm(x, norm1, 1e-5)
//	a := g.Attention(g.Linear(h, qkv, nil), layout, graph.Attn{Heads: 4, KVHeads: 4, HeadDim: 32, RopeTheta: 1e4}, 0)
//	x = g.LinearAdd(x, a, out, nil)
//	…
//	loss, _ := g.CrossEntropy(x, Head{W: emb}, targets, weights)
//	g.Gradients(loss)
//
//	prog, err := device.Compile(g, loss)          // reports mistakes made above
//	var f graph.Feeds
//	f.Ints(ids, …); f.Ints(targets, …); f.Floats(weights, …); f.Layout(layout, lens, nil, nil)
//	err = prog.Run(&f)
//	fmt.Println(prog.Floats(loss)[0], emb.Grad[0])
//
// Only values named at compile time can be read after a run. See the package example.
package graph
