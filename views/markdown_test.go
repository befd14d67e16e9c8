package views

import (
	"strings"
	"testing"
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
		{name: "headings start at h3", source: "# Title\n\n###### Small", want: []string{"<h3>Title</h3>", "<h6>Small</h6>"}, not: []string{"<h1"}},
		{name: "code can be scrolled by keyboard", source: "```go\nif a < b {}\n```",
			want: []string{`<pre tabindex="0"><code>if a &lt; b {}`}},
		{name: "right to left", source: "مرحبا *بكم*", want: []string{"مرحبا <em>بكم</em>"}},
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
