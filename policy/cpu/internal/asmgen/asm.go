// Package asmgen writes the assembly kernels of policy/cpu. Each kernel is described
// once and printed for AVX-512 and for AVX2.
//
// Operands are in Intel's order in the helpers (destination first) and in Go's order in
// the printed text (destination last).
package asmgen

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// isa is a vector instruction set.
type isa struct {
	name  string // also the prefix of the kernels
	reg   string // register letter
	lanes int    // floats in a register
}

var (
	avx512 = isa{"avx512", "Z", 16}
	avx2   = isa{"avx2", "Y", 8}
)

func (i isa) bytes() int { return 4 * i.lanes }

// asm collects the text of one assembly file and the Go declarations of its functions.
type asm struct {
	isa
	text, stubs strings.Builder
	consts      []uint32
	args        map[string]arg
	labels      int
}

// arg is a parameter or result: its frame offset and, for pointers and n, its register.
type arg struct {
	offset int
	reg    string
}

// pointerRegs receive pointer parameters in order. AX is the count n, BX the byte offset
// of the loop, CX scratch.
var pointerRegs = []string{"DI", "SI", "DX", "R8", "R9", "R10", "R11", "R12"}

// structs are the parameter types that are passed by value, all of float32 fields.
var structs = map[string][]string{
	"layerNormBackArgs": {"mean", "rstd", "a", "b"},
	"adamWArgs":         {"beta1", "oneMinusBeta1", "beta2", "oneMinusBeta2", "keep", "rate", "rootCorrection", "eps", "gradScale"},
}

// konst is a constant operand, read from memory.
type konst float64

func (a *asm) p(format string, args ...any) { fmt.Fprintf(&a.text, "\t"+format+"\n", args...) }

func (a *asm) label(l string) { fmt.Fprintf(&a.text, "%s:\n", l) }

// fresh returns a label name that is unique in the file.
func (a *asm) fresh(stem string) string {
	a.labels++
	return fmt.Sprintf("%s%d", stem, a.labels)
}

// fn starts a function and loads pointers and n into registers.
func (a *asm) fn(name, params, results string) {
	a.header(name, params, results)
	for _, v := range strings.FieldsFunc(params, func(r rune) bool { return r == ',' || r == ' ' }) {
		if s, ok := a.args[v]; ok && s.reg != "" {
			a.p("MOVQ %s, %s", a.frame(v), s.reg)
		}
	}
}

// header starts a function. params and results are Go parameter lists such as
// "dst, x *float32, n int, s float32".
func (a *asm) header(name, params, results string) {
	a.args = map[string]arg{}
	name = a.name + name
	end := a.layOut(params, 0)
	size := end
	if results != "" {
		size = a.layOut(results, (end+7)&^7)
		results = " (" + results + ")"
	}
	fmt.Fprintf(&a.text, "\n// func %s(%s)%s\nTEXT ·%s(SB), NOSPLIT, $0-%d\n", name, params, results, name, size)
	fmt.Fprintf(&a.stubs, "\n//go:noescape\nfunc %s(%s)%s\n", name, params, results)
}

// layOut places the parameters of a list from offset on and returns the end.
func (a *asm) layOut(list string, offset int) int {
	pointers := 0
	var names []string
	for _, field := range strings.Split(list, ",") {
		words := strings.Fields(field)
		names = append(names, words[0])
		if len(words) == 1 {
			continue
		}
		for _, n := range names {
			size, reg := 8, ""
			switch {
			case words[1] == "float32":
				size = 4
			case strings.HasPrefix(words[1], "*"):
				reg = pointerRegs[pointers]
				pointers++
			case n == "n":
				reg = "AX"
			case structs[words[1]] != nil:
				size = 4 * len(structs[words[1]])
			}
			align := min(size, 8)
			if structs[words[1]] != nil {
				align = 4
			}
			offset = (offset + align - 1) / align * align
			a.args[n] = arg{offset, reg}
			offset += size
		}
		names = nil
	}
	return offset
}

// frame is the operand of a parameter or result.
func (a *asm) frame(name string) string { return fmt.Sprintf("%s+%d(FP)", name, a.args[name].offset) }

// at is the memory operand of the current vector (plus u vectors) of a pointer parameter.
func (a *asm) at(pointer string, u int) string {
	return fmt.Sprintf("%d(%s)(BX*1)", u*a.bytes(), a.args[pointer].reg)
}

func (a *asm) ret() {
	a.p("VZEROUPPER")
	a.p("RET")
}

// op prints a vector instruction. Operands are in Go's order: registers as int, konst,
// or text. AVX-512 broadcasts constants itself; for AVX2 they are stored eight times.
func (a *asm) op(mnemonic string, operands ...any) {
	words := make([]string, len(operands))
	for i, o := range operands {
		switch o := o.(type) {
		case int:
			words[i] = fmt.Sprintf("%s%d", a.reg, o)
		case konst:
			words[i] = a.constant(math.Float32bits(float32(o)))
			if a.isa == avx512 {
				mnemonic += ".BCST"
			}
		default:
			words[i] = fmt.Sprint(o)
		}
	}
	a.p("%s %s", mnemonic, strings.Join(words, ", "))
}

func (a *asm) constant(bits uint32) string {
	if !slices.Contains(a.consts, bits) {
		a.consts = append(a.consts, bits)
	}
	return fmt.Sprintf("c%08x<>(SB)", bits)
}

// data prints the constants used and, for AVX2, the table that tail masks are read from.
func (a *asm) data() {
	a.text.WriteString("\n")
	for _, bits := range a.consts {
		for i := range 8 {
			fmt.Fprintf(&a.text, "DATA c%08x<>+%d(SB)/4, $0x%08x\n", bits, 4*i, bits)
		}
		fmt.Fprintf(&a.text, "GLOBL c%08x<>(SB), RODATA|NOPTR, $32\n", bits)
	}
	if a.isa == avx2 {
		for i := range 16 {
			fmt.Fprintf(&a.text, "DATA masks<>+%d(SB)/4, $0x%08x\n", 4*i, []uint32{0xffffffff, 0}[i/8])
		}
		a.text.WriteString("GLOBL masks<>(SB), RODATA|NOPTR, $64\n")
	}
}

// The arithmetic helpers: d = x op y. The last operand may be a konst.

func (a *asm) add(d, x int, y any) { a.op("VADDPS", y, x, d) }
func (a *asm) sub(d, x int, y any) { a.op("VSUBPS", y, x, d) }
func (a *asm) mul(d, x int, y any) { a.op("VMULPS", y, x, d) }
func (a *asm) div(d, x int, y any) { a.op("VDIVPS", y, x, d) }

func (a *asm) fma(d, x int, y any)    { a.op("VFMADD231PS", y, x, d) }  // d += x·y
func (a *asm) fnma(d, x int, y any)   { a.op("VFNMADD231PS", y, x, d) } // d −= x·y
func (a *asm) fmaAdd(d, x int, y any) { a.op("VFMADD213PS", y, x, d) }  // d = d·x + y

// maxKeep and minKeep limit d to y or x; a NaN in d stays (the instruction returns its
// second source when one is NaN, which must therefore be d).
func (a *asm) maxKeep(d, limit int) { a.op("VMAXPS", d, limit, d) }
func (a *asm) minKeep(d, limit int) { a.op("VMINPS", d, limit, d) }

func (a *asm) move(d, x int) { a.op("VMOVAPS", x, d) }

func (a *asm) zero(d int) {
	if a.isa == avx512 {
		a.op("VPXORD", d, d, d)
	} else {
		a.op("VXORPS", d, d, d)
	}
}

// broadcast fills register d from a float parameter, a konst or a memory operand.
func (a *asm) broadcast(d int, from any) {
	switch f := from.(type) {
	case konst:
		a.p("VBROADCASTSS %s, %s%d", a.constant(math.Float32bits(float32(f))), a.reg, d)
	case string:
		a.p("VBROADCASTSS %s, %s%d", f, a.reg, d)
	}
}

// param fills register d from the float parameter of that name.
func (a *asm) param(d int, name string) { a.broadcast(d, a.frame(name)) }

// field is the i-th field of a struct parameter.
func (a *asm) field(param, structType string, i int) string {
	return fmt.Sprintf("%s_%s+%d(FP)", param, structs[structType][i], a.args[param].offset+4*i)
}
