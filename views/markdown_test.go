package views

import (
	"strings"
	"testing"
	"time"
)

func TestMarkdown(t *testing.T) {
	cases := []struct {
		name, source string
		want, not    []string
	}{
		{name: "emphasis and lists", source: "**Before:** feed it\n\n- one\n- two",
			want: []string{"<strong>Before:</strong>", "<li>one</li>"}},
		{name: "single line breaks stay", source: "roses\nviolets", want: []string{"roses<br>\nviolets"}},
		{name: "raw HTML is shown, not run", source: "hi <b>x</b> <script>alert(1)</script>",
			want: []string{"&lt;b&gt;x&lt;/b&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;"}, not: []string{"<script", "<b>"}},
		{name: "an HTML block is shown", source: "<div onclick=\"x()\">\nhello\n</div>",
			want: []string{"&lt;div onclick=", "hello", "&lt;/div&gt;"}, not: []string{"<div"}},
		{name: "a comment is shown", source: "<!-- hidden -->", want: []string{"&lt;!-- hidden --&gt;"}},
		{name: "images are not loaded", source: "![a cat](https://tracker.example/1.gif)",
			want: []string{"[image: a cat, https://tracker.example/1.gif]"}, not: []string{"<img", "src="}},
		{name: "links name their host", source: "[your bank](https://phish.example/login)",
			want: []string{`href="https://phish.example/login"`, "(phish.example)", "nofollow", "noopener", `target="_blank"`}},
		{name: "script addresses are dropped", source: "[x](javascript:alert(1)) <javascript:alert(1)>",
			not: []string{"href"}},
		{name: "data addresses are dropped", source: "[x](data:text/html;base64,AAAA)", not: []string{"href"}},
		{name: "headings start at h3", source: "# Title\n\n###### Small", want: []string{`<h3 dir="auto">Title</h3>`, `<h6 dir="auto">Small</h6>`}, not: []string{"<h1"}},
		{name: "code can be scrolled by keyboard", source: "```\nif a < b {}\n```",
			want: []string{`<pre tabindex="0"><code>if a &lt; b {}`}},
		{name: "code is marked by its language", source: "```go\nif a < b { return \"x\" } // why\n```",
			want: []string{`<span class="c-k">if</span> a &lt; b`, `<span class="c-s">&#34;x&#34;</span>`, `<span class="c-c">// why`}},
		{name: "an unknown language stays plain", source: "```nosuch\nif\n```", want: []string{`<code>if`}, not: []string{"<span"}},
		{name: "a program that writes HTML", source: "```html\n<script>alert(1)</script>\n```",
			want: []string{"&lt;", "script"}, not: []string{"<script"}},
		{name: "right to left", source: "مرحبا *بكم*", want: []string{`<p dir="auto">مرحبا <em>بكم</em></p>`}},
		{name: "two directions", source: "مرحبا\n\nHello\n\n- واحد\n- two\n\n> نص",
			want: []string{`<p dir="auto">Hello</p>`, `<ul dir="auto">`, `<li>two</li>`, `<blockquote dir="auto"><p>نص</p>`}},
		{name: "wide tables scroll by themselves", source: "| a | b |\n|---|--:|\n| 1 | 2 |",
			want: []string{`<div class="scroll" tabindex="0"><table dir="auto">`, `<td align="right">2</td>`}},
		{name: "attributes in text stay text", source: `"><img src=x onerror=alert(1)>`,
			want: []string{"&lt;img src=x onerror=alert(1)&gt;"}, not: []string{"<img"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := render(t, Markdown(c.source))
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("missing %q in %s", w, got)
				}
			}
			for _, n := range c.not {
				if strings.Contains(got, n) {
					t.Errorf("must not contain %q: %s", n, got)
				}
			}
		})
	}
}

// TestFormulas tells LaTeX from money, shells and prose.
func TestFormulas(t *testing.T) {
	in := func(tex string) string { return `<code class="tex">` + tex + `</code>` }
	own := func(tex string) string { return `<code class="tex display">` + tex + `</code>` }
	cases := []struct {
		name, source, want string // want: empty when no formula may be found
	}{
		{"one letter", "let $x$ be", in("x")},
		{"superscript", "so $x^2+1$.", in("x^2+1")},
		{"command", `at most $\frac{1}{2}$`, in(`\frac{1}{2}`)},
		{"words inside a command", `$\text{if and only if } x$`, in(`\text{if and only if } x`)},
		{"less than is escaped", "$a<b$", in("a&lt;b")},
		{"functions", "$sin x$", in("sin x")},
		{"emphasis marks inside", "$a_1 * b_1 * c$ and *this*", in("a_1 * b_1 * c")},
		{"over a line end", "$a +\nb$", in("a +\nb")},
		{"an escaped dollar inside", `$5\$ + x$`, in(`5\$ + x`)},
		{"brackets", `as \(E = mc^2\) says`, in("E = mc^2")},
		{"in a list", "- $x_1$", in("x_1")},
		{"in a table", "| a |\n|---|\n| $x_1$ |", in("x_1")},
		{"two dollars", "so $$x = 1$$ holds", own("x = 1")},
		{"a block", "so\n\n$$\n- x\n= 1\n$$\n\nholds", own("- x\n= 1")},
		{"a block within a paragraph", "so\n\\[\nx\n\\]\nholds", own("x")},
		{"an environment", "\\begin{align*}\nx &= 1 \\\\\ny &= 2\n\\end{align*}", own("\\begin{align*}\nx &amp;= 1 \\\\\ny &amp;= 2\n\\end{align*}")},
		{"in a quotation", "> $$\n> x\n> $$", own("x")},
		{"between Chinese letters", "设$x=1$。", in("x=1")},

		{"money", "between $5 and $6 a head", ""},
		{"money, joined", "$5-$6, or US$5 and US$6", ""},
		{"money, the sign behind", "$5, or 10$ for two", ""},
		{"money, a month", "$5/month or 10$/year", ""},
		{"money, a table of prices", "| $5 | $6 |\n|---|---|\n| $7 | $8 |", ""},
		{"escaped", `\$x\$`, ""},
		{"a shell", "set $HOME and $PATH, then echo $HOME/$USER", ""},
		{"code", "`$x$` and\n\n```\n$y$\n```", ""},
		{"prose", "$this is a variable$ perhaps", ""},
		{"never closed", "$$x = 1\n\nand more", ""},
		{"closed in another paragraph", "$$x\n\ny$$", ""},
		{"brackets of prose", `\[x]`, ""},
		{"empty", "$$ $$ and $ $", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := render(t, Markdown(c.source))
			if c.want == "" && strings.Contains(got, `class="tex`) || !strings.Contains(got, c.want) {
				t.Errorf("%q: want %q in %s", c.source, c.want, got)
			}
		})
	}
	if got := render(t, Markdown("so\n\\[\nx\n\\]\nholds")); !strings.Contains(got, "holds") || !strings.Contains(got, "<p dir=\"auto\">so</p>") {
		t.Errorf("the text around a formula must stay: %s", got)
	}
}

// TestMarkdownIsQuick gives it texts that a model may go wrong with: all must take well under a second.
func TestMarkdownIsQuick(t *testing.T) {
	for name, text := range map[string]string{
		"dollars":  strings.Repeat("$ $5 $x ", 30_000),
		"brackets": strings.Repeat("[(", 50_000),
		"lists":    strings.Repeat("- ", 2_000),
		"fences":   strings.Repeat("```go\nfunc f() {\n", 2_000),
		"begins":   strings.Repeat("\\begin{align}\n", 20_000),
		"one word": strings.Repeat("x", 1_000_000),
	} {
		start := time.Now()
		render(t, Markdown(text))
		if took := time.Since(start); took > 3*time.Second { // of which most on a busy machine
			t.Errorf("%s: %d bytes took %v", name, len(text), took)
		} else {
			t.Logf("%s: %v", name, took)
		}
	}
}
