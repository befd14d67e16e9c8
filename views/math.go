package views

import (
	"bytes"
	"html"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Formulas in LaTeX: $…$ and \(…\) within a line, $$…$$, \[…\] and \begin{…}…\end{…} on their own.
// The page holds the source as code, which page.js turns into MathML. Dollars are mostly money, so
// that a pair of them makes a formula only if what they enclose looks like one.

// How far in bytes the end of a formula is looked for, within a paragraph and in lines of its own.
const (
	longestFormula      = 2_000
	longestFormulaBlock = 10_000
)

// formula is LaTeX in a text, without its marks.
type formula struct {
	ast.BaseInline
	tex     string
	display bool // stands on a line of its own
}

var kindFormula = ast.NewNodeKind("Formula")

func (f *formula) Kind() ast.NodeKind { return kindFormula }

func (f *formula) Dump(source []byte, level int) {
	ast.DumpHelper(f, source, level, map[string]string{"tex": f.tex}, nil)
}

// formulaBlock is a formula in lines of its own.
type formulaBlock struct {
	ast.BaseBlock
	tex string
}

var kindFormulaBlock = ast.NewNodeKind("FormulaBlock")

func (f *formulaBlock) Kind() ast.NodeKind { return kindFormulaBlock }
func (f *formulaBlock) IsRaw() bool        { return true }

func (f *formulaBlock) Dump(source []byte, level int) {
	ast.DumpHelper(f, source, level, map[string]string{"tex": f.tex}, nil)
}

// formulas adds both to goldmark, before its own parsers of backslashes and paragraphs.
type formulas struct{}

func (formulas) Extend(m goldmark.Markdown) {
	m.Parser().AddOptions(
		parser.WithInlineParsers(util.Prioritized(formulaParser{}, 90)),
		parser.WithBlockParsers(util.Prioritized(formulaBlockParser{}, 90)))
	m.Renderer().AddOptions(renderer.WithNodeRenderers(util.Prioritized(formulaRenderer{}, 90)))
}

type formulaParser struct{}

func (formulaParser) Trigger() []byte { return []byte{'$', '\\'} }

// Parse reads one formula at the reader's place, or nothing.
func (formulaParser) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	rest := restOfBlock(block)
	before := block.PrecendingCharacter()
	for _, m := range formulaMarks {
		tex, n := m.cut(rest)
		if n == 0 || m.open == "$" && !(dollarsMayOpen(before) && looksLikeFormula(tex, rest[n:])) {
			continue
		}
		advance(block, n)
		return &formula{tex: tex, display: m.display}
	}
	return nil
}

// restOfBlock is what follows in the paragraph, its lines joined, at most longestFormula bytes.
func restOfBlock(block text.Reader) []byte {
	line, position := block.Position()
	defer block.SetPosition(line, position)
	var rest []byte
	for len(rest) < longestFormula {
		part, _ := block.PeekLine()
		if part == nil {
			break
		}
		rest = append(rest, part[:min(len(part), longestFormula)]...)
		block.AdvanceLine()
	}
	return rest
}

// advance moves on by n bytes, over line ends as well.
func advance(block text.Reader, n int) {
	for n > 0 {
		part, _ := block.PeekLine()
		if len(part) > n {
			block.Advance(n)
			return
		}
		n -= len(part)
		block.AdvanceLine()
	}
}

// marks are what stands around a formula.
type marks struct {
	open, end string
	display   bool
}

var formulaMarks = []marks{{"$$", "$$", true}, {"$", "$", false}, {`\(`, `\)`, false}, {`\[`, `\]`, true}}

// cut takes a formula from the start of a text; n is its length with the marks, 0: there is none.
func (m marks) cut(s []byte) (tex string, n int) {
	if !bytes.HasPrefix(s, []byte(m.open)) {
		return "", 0
	}
	inner := s[len(m.open):]
	for at := 0; at < len(inner); {
		i := bytes.Index(inner[at:], []byte(m.end))
		if i < 0 {
			return "", 0
		}
		at += i
		if m.end[0] == '$' && escaped(inner[:at]) {
			at++ // an escaped dollar belongs to the formula
			continue
		}
		if m.end == "$" && bytes.HasPrefix(inner[at:], []byte("$$")) {
			return "", 0 // two dollars end no formula of one
		}
		tex = string(inner[:at])
		if strings.TrimSpace(tex) == "" || strings.Contains(tex, "\n\n") {
			return "", 0
		}
		return tex, len(m.open) + at + len(m.end)
	}
	return "", 0
}

// escaped tells whether a backslash stands before the end of s and is not itself escaped.
func escaped(s []byte) bool {
	n := len(s) - len(bytes.TrimRight(s, `\`))
	return n%2 == 1
}

// dollarsMayOpen: "US$5" is money.
func dollarsMayOpen(before rune) bool { return !isWordRune(before) && before != '$' }

var (
	texMark      = regexp.MustCompile(`\\\pL+|[\\^_{}]`)
	wordsInARow  = regexp.MustCompile(`\pL{2,}[ ,;]+\pL{2,}`)
	longerWord   = regexp.MustCompile(`\pL{2,}`)
	functionName = regexp.MustCompile(`^(sin|cos|tan|cot|log|ln|lg|exp|max|min|sup|inf|lim|mod|gcd|lcm|det|dim|ker|tr|Pr|dx|dy|dt|dz)$`)
	operator     = regexp.MustCompile(`[=<>+*/|≤≥≈·×∈∑∫−]`)
	amount       = regexp.MustCompile(`^[\d.,]+[ ,;–-]+\pL`) // the start of "5 or 10": money
)

// looksLikeFormula decides about $…$: no space at the inner ends, no letter or digit after it, and
// either a mark of LaTeX in it or nothing that reads as prose.
func looksLikeFormula(tex string, after []byte) bool {
	if tex != strings.TrimSpace(tex) || len(after) > 0 && isWordRune(rune(after[0])) {
		return false
	}
	if texMark.MatchString(tex) {
		return true
	}
	if wordsInARow.MatchString(tex) || amount.MatchString(tex) {
		return false
	}
	for _, w := range longerWord.FindAllString(tex, -1) {
		if !functionName.MatchString(w) && !operator.MatchString(tex) {
			return false
		}
	}
	return true
}

func isWordRune(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// formulaBlockParser reads formulas whose marks stand at the start and the end of lines. All lines in
// between are LaTeX, whatever they would mean in Markdown.
type formulaBlockParser struct{}

func (formulaBlockParser) Trigger() []byte { return []byte{'$', '\\'} }

// Open takes all lines of a formula at once. In a quotation they start with marks of their own; there
// the formula is left to formulaParser.
func (formulaBlockParser) Open(parent ast.Node, reader text.Reader, _ parser.Context) (ast.Node, parser.State) {
	if parent.Kind() == ast.KindBlockquote {
		return nil, parser.NoChildren
	}
	line, segment := reader.PeekLine()
	start := segment.Start + len(line) - len(bytes.TrimLeft(line, " \t"))
	source := reader.Source()
	tex, n := cutBlock(source[start:min(len(source), start+longestFormulaBlock)])
	if n == 0 {
		return nil, parser.NoChildren
	}
	for segment.Stop < start+n {
		reader.AdvanceLine()
		_, segment = reader.PeekLine()
	}
	return &formulaBlock{tex: tex}, parser.NoChildren
}

// cutBlock takes a formula that fills its lines from the start of a text.
func cutBlock(s []byte) (tex string, n int) {
	for _, m := range formulaMarks {
		if !m.display {
			continue
		}
		if tex, n := m.cut(s); n > 0 && onlySpaceInLine(s[n:]) {
			return tex, n
		}
	}
	if m := environment.FindSubmatch(s); m != nil {
		end := []byte(`\end{` + string(m[1]) + `}`)
		if i := bytes.Index(s, end); i > 0 && onlySpaceInLine(s[i+len(end):]) && !bytes.Contains(s[:i], []byte("\n\n")) {
			return string(s[:i+len(end)]), i + len(end)
		}
	}
	return "", 0
}

var environment = regexp.MustCompile(`^\\begin\{((?:equation|align|gather|alignat|multline|[bpvBV]?matrix|cases|array|split)\*?)\}`)

func onlySpaceInLine(s []byte) bool {
	line, _, _ := bytes.Cut(s, []byte("\n"))
	return len(bytes.Trim(line, " \t\r.,")) == 0
}

func (formulaBlockParser) Continue(ast.Node, text.Reader, parser.Context) parser.State {
	return parser.Close
}
func (formulaBlockParser) Close(ast.Node, text.Reader, parser.Context) {}
func (formulaBlockParser) CanInterruptParagraph() bool                 { return true }
func (formulaBlockParser) CanAcceptIndentedLine() bool                 { return false }

type formulaRenderer struct{}

func (formulaRenderer) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(kindFormula, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if f := n.(*formula); entering {
			writeFormula(w, f.tex, f.display)
		}
		return ast.WalkSkipChildren, nil
	})
	reg.Register(kindFormulaBlock, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if f := n.(*formulaBlock); entering {
			w.WriteString("<p>")
			writeFormula(w, f.tex, true)
			w.WriteString("</p>\n")
		}
		return ast.WalkSkipChildren, nil
	})
}

func writeFormula(w util.BufWriter, tex string, display bool) {
	class := "tex"
	if display {
		class = "tex display"
	}
	w.WriteString(`<code class="` + class + `">` + html.EscapeString(strings.TrimSpace(tex)) + `</code>`)
}
