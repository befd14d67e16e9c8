package views

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net/url"
	"regexp"

	"github.com/a-h/templ"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	mdhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Markdown shows a text that a person or a model wrote. It is the only way such
// text becomes HTML. Nothing is hidden from the reader: raw HTML and images appear as the
// text they are, single line breaks stay, links name their host, formulas are shown by their source
// until page.js draws them. Two passes keep it
// safe: the renderer never emits foreign markup, and the sanitiser lets through only what is listed.
func Markdown(source string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var out bytes.Buffer
		if err := markdown.Convert([]byte(source), &out); err != nil {
			return fmt.Errorf("markdown: %w", err)
		}
		_, err := w.Write(sanitiser.SanitizeBytes(out.Bytes()))
		return err
	})
}

var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Strikethrough, extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), formulas{}),
	goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(directions{}, 100))),
	goldmark.WithRendererOptions(
		mdhtml.WithHardWraps(),
		renderer.WithNodeRenderers(util.Prioritized(shownAsText{}, 1)), // before the default renderer
	),
)

var sanitiser = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li",
		"h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowElements("div")
	p.AllowAttrs("tabindex").Matching(regexp.MustCompile(`^0$`)).OnElements("pre", "div")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^(host|picture|c-[a-z])$`)).OnElements("span")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^tex( display)?$`)).OnElements("code")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^scroll$`)).OnElements("div")
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`^(auto|ltr)$`)).OnElements("p", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "table", "pre", "code")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`^(left|right|center)$`)).OnElements("td", "th")
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true) // implies noopener
	p.AddTargetBlankToFullyQualifiedLinks(true)
	return p
}()

// directions lets each outermost block find its own writing direction by its first strong letter: an
// English paragraph may stand in an Arabic answer. Blocks inside lists, quotations and tables follow by
// CSS (unicode-bidi: plaintext), since a list whose items all have their own direction has none itself.
type directions struct{}

func (directions) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		switch n.Kind() {
		case ast.KindParagraph, ast.KindHeading, ast.KindList, ast.KindBlockquote, extast.KindTable:
			n.SetAttributeString("dir", "auto")
		}
	}
}

// shownAsText renders the nodes that the default renderer would drop, load from elsewhere or
// place wrongly on a page with its own headings.
type shownAsText struct{}

func (r shownAsText) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(ast.KindRawHTML, rawHTML)
	reg.Register(ast.KindHTMLBlock, htmlBlock)
	reg.Register(ast.KindImage, image)
	reg.Register(ast.KindLink, link)
	reg.Register(ast.KindAutoLink, autoLink)
	reg.Register(ast.KindHeading, heading)
	reg.Register(extast.KindTable, table)
	reg.Register(ast.KindCodeBlock, codeBlock)
	reg.Register(ast.KindFencedCodeBlock, codeBlock)
}

func rawHTML(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		segments := n.(*ast.RawHTML).Segments
		for i := range segments.Len() {
			s := segments.At(i)
			w.WriteString(html.EscapeString(string(s.Value(source))))
		}
	}
	return ast.WalkSkipChildren, nil
}

func htmlBlock(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		w.WriteString("</code></pre>\n")
		return ast.WalkContinue, nil
	}
	w.WriteString(`<pre tabindex="0"><code>`)
	writeLines(w, source, n)
	if b := n.(*ast.HTMLBlock); b.HasClosure() {
		w.WriteString(html.EscapeString(string(b.ClosureLine.Value(source))))
	}
	return ast.WalkContinue, nil
}

// image shows the description and the address: a loaded image would tell its host who reads what.
func image(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	img := n.(*ast.Image)
	if entering {
		w.WriteString(`<span class="picture">[image: `)
		return ast.WalkContinue, nil
	}
	fmt.Fprintf(w, ", %s]</span>", html.EscapeString(string(img.Destination)))
	return ast.WalkContinue, nil
}

func link(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	l := n.(*ast.Link)
	if entering {
		fmt.Fprintf(w, `<a href="%s">`, html.EscapeString(string(util.URLEscape(l.Destination, true))))
		return ast.WalkContinue, nil
	}
	w.WriteString("</a>")
	writeHost(w, string(l.Destination))
	return ast.WalkContinue, nil
}

func autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	l := n.(*ast.AutoLink)
	target, label := string(l.URL(source)), html.EscapeString(string(l.Label(source)))
	if l.AutoLinkType == ast.AutoLinkEmail {
		target = "mailto:" + target
	}
	fmt.Fprintf(w, `<a href="%s">%s</a>`, html.EscapeString(target), label)
	return ast.WalkContinue, nil
}

// writeHost names where a link leads, since its text may say something else.
func writeHost(w util.BufWriter, target string) {
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		fmt.Fprintf(w, ` <span class="host">(%s)</span>`, html.EscapeString(u.Host))
	}
}

// heading shifts levels by two: h1 is the page's title and h2 the completion's letter.
func heading(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	level := min(n.(*ast.Heading).Level+2, 6)
	if entering {
		fmt.Fprintf(w, "<h%d", level)
		mdhtml.RenderAttributes(w, n, mdhtml.GlobalAttributeFilter)
		w.WriteString(">")
	} else {
		fmt.Fprintf(w, "</h%d>\n", level)
	}
	return ast.WalkContinue, nil
}

// table makes a wide table scroll by itself, also by keyboard.
func table(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		w.WriteString(`<div class="scroll" tabindex="0"><table`)
		mdhtml.RenderAttributes(w, n, mdhtml.GlobalAttributeFilter)
		w.WriteString(">\n")
	} else {
		w.WriteString("</table></div>\n")
	}
	return ast.WalkContinue, nil
}

// codeBlock marks the words of code. The block can take the focus, so that wide code can be scrolled by keyboard.
func codeBlock(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		w.WriteString("</code></pre>\n")
		return ast.WalkContinue, nil
	}
	w.WriteString(`<pre tabindex="0"><code>`)
	language := ""
	if fenced, ok := n.(*ast.FencedCodeBlock); ok {
		language = string(fenced.Language(source))
	}
	writeCode(w, string(n.Lines().Value(source)), language)
	return ast.WalkContinue, nil
}

func writeLines(w util.BufWriter, source []byte, n ast.Node) {
	lines := n.Lines()
	for i := range lines.Len() {
		s := lines.At(i)
		w.WriteString(html.EscapeString(string(s.Value(source))))
	}
}
