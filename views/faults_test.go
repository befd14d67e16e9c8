package views

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// faultCalls are the functions that word faults, and where their formats stand.
var faultCalls = map[string]int{"Invalid": 1, "fieldErrorf": 1, "faultf": 0}

// faultFormats are the formats of the faults in the sources, each with a place. A fault of a command's flag
// is read in a terminal, in English.
func faultFormats(t *testing.T) map[string]string {
	formats := map[string]string{theNumber: "reward/prefs/errors.go"}
	for _, dir := range []string{"db", "labeler", "reward/prefs"} {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, path := range files {
			if !strings.HasSuffix(path, "_test.go") {
				formatsIn(t, path, formats)
			}
		}
	}
	return formats
}

// theNumber is the one format of the types of JSON values that is put together.
const theNumber = "the number %s"

func formatsIn(t *testing.T, path string, into map[string]string) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	keep := func(e ast.Expr) {
		place := fset.Position(e.Pos()).String()
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			t.Errorf("%s: the format of a fault is no literal, so it cannot be translated", place)
			return
		}
		if format, _ := strconv.Unquote(lit.Value); format != bare {
			into[format] = place
		}
	}
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || faultCalls[fn.Name.Name] > 0 || fn.Name.Name == "faultf" {
			continue // the functions themselves pass a format on
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				at, known := faultCalls[nameOf(call.Fun)]
				if known && !strings.HasPrefix(textOf(call.Args[0]), "--") {
					keep(call.Args[at])
				}
			}
			if back, ok := n.(*ast.ReturnStmt); ok && fn.Name.Name == "kind" && strings.HasSuffix(path, "prefs/errors.go") && textOf(back.Results[0]) != "" {
				keep(back.Results[0])
			}
			return true
		})
	}
}

// nameOf is the name of a function, without its package.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// textOf is a literal string.
func textOf(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok {
		text, _ := strconv.Unquote(lit.Value)
		return text
	}
	return ""
}

// TestEveryLanguageHasEveryFault wants each fault that db, prefs and the site word translated into every
// language, filled in with the same values, and no translation of a fault that is gone.
func TestEveryLanguageHasEveryFault(t *testing.T) {
	formats := faultFormats(t)
	if len(formats) < 150 {
		t.Fatalf("found %d formats only: does the search still work?", len(formats))
	}
	for l, have := range faults {
		for format, place := range formats {
			switch text := have[format]; {
			case text == "":
				t.Errorf("%s lacks %q of %s", l, format, place)
			case !fillsIn(text, format, ""):
				t.Errorf("%s: %q fills in other values than %q", l, text, format)
			}
		}
		for format := range have {
			if formats[format] == "" {
				t.Errorf("%s translates %q, which nobody says", l, format)
			}
		}
	}
	for _, l := range offered {
		if l != English && faults[l] == nil {
			t.Errorf("%s is offered and has no faults", l)
		}
	}
}

// sentence is a fault as db and prefs make them.
type sentence struct {
	format string
	args   []any
}

func (s sentence) Error() string             { return fmt.Errorf(s.format, s.args...).Error() }
func (s sentence) Sentence() (string, []any) { return s.format, s.args }

func TestSaid(t *testing.T) {
	es, ar := WithLanguage(t.Context(), Spanish), WithLanguage(t.Context(), Arabic)
	list := sentence{"must be a list, is %s", []any{sentence{format: "a string"}}}
	for _, c := range []struct{ got, want string }{
		{Said(t.Context(), list), "must be a list, is a string"},
		{Said(es, list), "debe ser una lista, pero es una cadena de texto"},
		{SaidError(es, fmt.Errorf("row 3: %w", list)), "debe ser una lista, pero es una cadena de texto"},
		{SaidError(es, errors.New("no sentence")), "no sentence"},
		{Said(es, sentence{format: "nobody translated this"}), "nobody translated this"},
		{Said(es, sentence{bare, []any{"ya está en español"}}), "ya está en español"},
		{Said(ar, sentence{bare, []any{"x"}}), isolate + "x" + isolateEnd},
		{Said(WithLanguage(t.Context(), accented), sentence{"%d of %.3q", []any{4, "abcdef"}}), `[4 öƒ "abc"~~~]`},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
