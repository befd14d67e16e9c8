package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// bitsProblem is a product whose elements every other way of computing them must
// reproduce bit for bit.
type bitsProblem struct {
	m, k, n int
	a, b    []float32 // [m, k] and [k, n], exact
	want    []float32 // [m, n]
}

func newBitsProblem(kernels *Kernels, m, k, n int) *bitsProblem {
	rng := rand.New(rand.NewPCG(5, uint64(k)))
	p := &bitsProblem{m: m, k: k, n: n, a: normals(rng, m*k), b: normals(rng, k*n)}
	p.want = p.compute(NewTeam(1, kernels), layOut(m, k, n, p.a, p.b, false, false))
	return p
}

func (p *bitsProblem) compute(team *Team, g *Gemm) []float32 {
	team.Run(func(w *Worker) { w.Gemm(g) })
	return g.C
}

// sub is the product of rows [i0, i1) and columns [j0, j1), operands as exact copies.
func (p *bitsProblem) sub(i0, i1, j0, j1 int, transA, transB bool) *Gemm {
	b := make([]float32, 0, p.k*(j1-j0))
	for r := range p.k {
		b = append(b, p.b[r*p.n+j0:r*p.n+j1]...)
	}
	return layOut(i1-i0, p.k, j1-j0, p.a[i0*p.k:i1*p.k], b, transA, transB)
}

func (p *bitsProblem) check(t *testing.T, what string, i0, i1, j0, j1 int, got []float32) {
	t.Helper()
	for i := i0; i < i1; i++ {
		for j := j0; j < j1; j++ {
			g, w := got[(i-i0)*(j1-j0)+j-j0], p.want[i*p.n+j]
			if math.Float32bits(g) != math.Float32bits(w) {
				t.Fatalf("%s: C[%d,%d] = %b, want %b", what, i, j, g, w)
			}
		}
	}
}

func TestGemmBitsDependOnNothingElse(t *testing.T) {
	forEachKernels(t, func(t *testing.T, kernels *Kernels) {
		teams := []*Team{NewTeam(1, kernels), NewTeam(2, kernels), NewTeam(3, kernels)}
		for _, k := range []int{1, 50, 384, 1001} {
			p := newBitsProblem(kernels, 61, k, 97)
			for _, team := range teams {
				for _, l := range layouts {
					what := fmt.Sprintf("%s k=%d workers=%d", l.name, k, team.Workers())
					g := p.sub(0, p.m, 0, p.n, l.transA, l.transB)
					p.check(t, what, 0, p.m, 0, p.n, p.compute(team, g))
				}
			}
			for rows := 1; rows <= 17; rows++ {
				l := layouts[rows%4]
				i0, j0 := rows*7%40, rows*5%60
				what := fmt.Sprintf("%s k=%d, %d rows from %d, columns from %d", l.name, k, rows, i0, j0)
				g := p.sub(i0, i0+rows, j0, p.n, l.transA, l.transB)
				p.check(t, what, i0, i0+rows, j0, p.n, p.compute(teams[rows%3], g))
			}
		}
	})
}

func TestGemmPackedHasTheSameBits(t *testing.T) {
	forEachKernels(t, func(t *testing.T, kernels *Kernels) {
		p := newBitsProblem(kernels, 40, 700, 75)
		team := NewTeam(2, kernels)
		packed := NewPacked(p.k, p.n)
		team.Run(func(w *Worker) { w.Pack(packed, p.b, p.n, false) })
		fromTransposed := NewPacked(p.k, p.n)
		team.Run(func(w *Worker) { w.Pack(fromTransposed, transpose(p.b, p.k, p.n), p.k, true) })
		if !slices.Equal(packed.panels, fromTransposed.panels) {
			t.Fatal("packing [K,N] and [N,K] gives different panels")
		}
		for rows := 1; rows <= 40; rows++ {
			g := &Gemm{M: rows, K: p.k, N: p.n, A: p.a, LDA: p.k, Packed: packed, C: make([]float32, rows*p.n), LDC: p.n}
			p.check(t, fmt.Sprintf("%d rows", rows), 0, rows, 0, p.n, p.compute(team, g))
		}
	})
}

// Leading dimensions that are large powers of two take the path that copies A.
func TestGemmReadsStridedOperands(t *testing.T) {
	forEachKernels(t, func(t *testing.T, kernels *Kernels) {
		p := newBitsProblem(kernels, 20, 100, 50)
		team := NewTeam(2, kernels)
		for _, ld := range []int{100, 128, 256, 1024} {
			g := &Gemm{M: p.m, K: p.k, N: p.n, LDA: ld, LDB: ld, LDC: ld,
				A: make([]float32, p.m*ld), B: make([]float32, p.k*ld), C: slices.Repeat([]float32{guard}, p.m*ld)}
			for i := range p.m {
				copy(g.A[i*ld:], p.a[i*p.k:(i+1)*p.k])
			}
			for i := range p.k {
				copy(g.B[i*ld:], p.b[i*p.n:(i+1)*p.n])
			}
			team.Run(func(w *Worker) { w.Gemm(g) })
			for i := range p.m {
				p.check(t, fmt.Sprintf("ld %d", ld), i, i+1, 0, p.n, g.C[i*ld:])
				for j := p.n; j < ld; j++ {
					if g.C[i*ld+j] != guard {
						t.Fatalf("ld %d: wrote behind row %d", ld, i)
					}
				}
			}
		}
	})
}

// A tile of attention has the bits of the product it is part of, for both layouts of A.
func TestTileHasTheBitsOfGemm(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for _, depth := range []int{1, 3, 4, 63, 384} {
			p := newBitsProblem(k, MaxTileRows, depth, 50)
			panels, transposed := make([]float32, Panels(depth, p.n)), make([]float32, Panels(depth, p.n))
			k.PackCols(panels, p.b, p.n, depth, p.n)
			k.PackTransposed(transposed, transpose(p.b, depth, p.n), depth, depth, p.n)
			if !slices.Equal(panels, transposed) {
				t.Fatalf("depth %d: PackCols and PackTransposed differ", depth)
			}
			aT := transpose(p.a, p.m, depth)
			for rows := 1; rows <= MaxTileRows; rows++ {
				c := make([]float32, rows*TileCols)
				k.Tile(rows, depth, p.a, depth, panels, c, TileCols, false)
				checkTile(t, p, c, rows)
				clear(c)
				k.TileT(rows, depth, aT, p.m, panels, c, TileCols, true)
				checkTile(t, p, c, rows)
			}
		}
	})
}

func checkTile(t *testing.T, p *bitsProblem, c []float32, rows int) {
	t.Helper()
	for i := range rows {
		p.check(t, fmt.Sprintf("depth %d, tile of %d rows", p.k, rows), i, i+1, 0, TileCols, c[i*TileCols:])
	}
}

// One NaN in A spoils its row and no other.
func TestGemmPassesNaN(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		p := newBitsProblem(k, 30, 40, 35)
		p.a[7*40+39] = float32(math.NaN())
		got := p.compute(NewTeam(2, k), p.sub(0, 30, 0, 35, false, true))
		for i := range 30 {
			for j := range 35 {
				if isNaN := got[i*35+j] != got[i*35+j]; isNaN != (i == 7) {
					t.Fatalf("C[%d,%d] = %g", i, j, got[i*35+j])
				}
			}
		}
	})
}
