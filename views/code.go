package views

import (
	"html"
	"io"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
)

// longestHighlight is the length in bytes up to which code is highlighted: above it, colours cost
// more time than they save.
const longestHighlight = 50_000

// writeCode writes code as HTML with its words marked by what they are: <span class="c-k"> for a
// keyword and so on, see 9-texts.css. A language that is unknown, or none, leaves the code plain.
func writeCode(w io.StringWriter, code, language string) {
	lexer := lexerFor(language)
	if lexer == nil || len(code) > longestHighlight {
		w.WriteString(html.EscapeString(code))
		return
	}
	tokens, err := lexer.Tokenise(nil, code)
	if err != nil {
		w.WriteString(html.EscapeString(code))
		return
	}
	for t := tokens(); t != chroma.EOF; t = tokens() {
		text := html.EscapeString(t.Value)
		if class := codeClass(t.Type); class != "" && strings.TrimSpace(t.Value) != "" {
			text = `<span class="` + class + `">` + text + `</span>`
		}
		w.WriteString(text)
	}
}

// lexerFor finds the lexer of a fence's language, "go" or "Python"; nil when there is none.
func lexerFor(language string) chroma.Lexer {
	if language == "" {
		return nil
	}
	lexer := lexers.Get(language)
	if lexer == nil || lexer.Config().Name == "plaintext" {
		return nil
	}
	return chroma.Coalesce(lexer)
}

// codeClass is the class of a token, from the most telling to the widest kind; "" stays plain.
func codeClass(t chroma.TokenType) string {
	for _, kind := range []chroma.TokenType{t, t.SubCategory(), t.Category()} {
		if class, ok := codeClasses[kind]; ok {
			return class
		}
	}
	return ""
}

var codeClasses = map[chroma.TokenType]string{
	chroma.Keyword: "c-k", chroma.OperatorWord: "c-k", chroma.KeywordType: "c-t", chroma.KeywordConstant: "c-n",
	chroma.Comment:            "c-c",
	chroma.CommentPreproc:     "c-k",
	chroma.CommentPreprocFile: "c-s",
	chroma.LiteralString:      "c-s", chroma.LiteralNumber: "c-n",
	chroma.NameFunction: "c-f", chroma.NameBuiltin: "c-f", chroma.NameDecorator: "c-f", chroma.NameTag: "c-k", chroma.NameAttribute: "c-f",
	chroma.NameClass: "c-t", chroma.NameException: "c-t", chroma.NameConstant: "c-n",
	chroma.GenericInserted: "c-i", chroma.GenericDeleted: "c-d", chroma.GenericHeading: "c-k", chroma.GenericSubheading: "c-k",
}
