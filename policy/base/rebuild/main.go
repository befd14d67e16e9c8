// Command rebuild makes the text and preference files of policy/base from their sources (CARD.md says
// which, and under which licences). From the module root:
//
//	go run ./policy/base/rebuild --shared ../shared --extra DIR
//
// DIR holds what is not in the shared data: devil.dict.dz and Rdata.rdb.
// `rebuild hash CATEGORY WORD…` prints lines for words.txt.
package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"agora/policy/base"
)

func main() {
	if len(os.Args) > 3 && os.Args[1] == "hash" {
		printHashes(os.Args[2], os.Args[3:])
		return
	}
	shared := flag.String("shared", "../shared", "folder with the shared data sets")
	extra := flag.String("extra", "", "folder with devil.dict.dz and Rdata.rdb")
	out := flag.String("out", "policy/base", "where to write")
	flag.Parse()
	if err := cmp.Or(corpus(*shared, *extra, *out), humour(*shared, *out)); err != nil {
		fmt.Fprintln(os.Stderr, "rebuild:", err)
		os.Exit(1)
	}
}

func printHashes(category string, words []string) {
	for _, w := range words {
		stem, isStem := strings.CutSuffix(w, "*")
		star := ""
		if isStem {
			star = "*"
		}
		fmt.Println(category, base.HashWord(stem)+star)
	}
}

// hashOf orders and splits documents: the same text always falls the same way.
func hashOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	x := h.Sum64()
	x ^= x >> 33 // FNV's low bits are weak on short strings
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

// heldOutEvery: one document in so many is kept out of training.
const heldOutEvery = 40

// corpus filters every source, mixes them in hash order and writes the two halves.
func corpus(shared, extra, out string) error {
	var train, held []string
	for _, s := range sources {
		docs, err := s.documents(shared, extra)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		good, dropped := clean(docs)
		slices.SortFunc(good, byHash)
		if s.keep > 0 {
			good = good[:min(s.keep, len(good))]
		}
		size := 0
		for _, d := range good {
			size += len(d)
			if hashOf(d)%heldOutEvery == 0 {
				held = append(held, d)
			} else {
				train = append(train, d)
			}
		}
		fmt.Printf("%-8s %-14s %6d documents, %7d kept (%d bytes), dropped: %v\n", s.name, s.licence, len(docs), len(good), size, dropped)
	}
	slices.SortFunc(train, byHash)
	slices.SortFunc(held, byHash)
	return cmp.Or(
		writeGzip(filepath.Join(out, "corpus/train.txt.gz"), train),
		writeGzip(filepath.Join(out, "corpus/heldout.txt.gz"), held))
}

func byHash(a, b string) int { return cmp.Or(cmp.Compare(hashOf(a), hashOf(b)), cmp.Compare(a, b)) }

// clean drops offensive texts, personal data, doubles and lines that are not plain English prose.
func clean(docs []string) (good []string, dropped map[string]int) {
	seen, dropped := map[string]bool{}, map[string]int{}
	for _, d := range docs {
		d = plain(d)
		switch why := base.Offends(d); {
		case why != "":
			dropped[why]++
		case base.HasPersonalData(d):
			dropped["personal"]++
		case len(d) < 15 || seen[d] || !mostlyLetters(d):
			dropped["not prose"]++
		default:
			seen[d] = true
			good = append(good, d)
		}
	}
	return good, dropped
}

var quotes = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "–", "-", "—", " - ", "…", "...", "\u00a0", " ", "''", `"`)

// plain makes quotation marks and dashes the same everywhere and puts a text on one line.
func plain(s string) string { return strings.Join(strings.Fields(quotes.Replace(s)), " ") }

func mostlyLetters(s string) bool {
	letters := 0
	for _, r := range s {
		if r > unicode.MaxASCII {
			return false
		}
		if unicode.IsLetter(r) || r == ' ' {
			letters++
		}
	}
	return letters*100 >= 85*len(s)
}

// writeGzip writes one document a line; the header carries no time, so equal input gives equal bytes.
func writeGzip(path string, lines []string) error {
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, l := range lines {
		fmt.Fprintln(z, l)
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%s: %d lines, %d bytes\n", path, len(lines), buf.Len())
	return os.WriteFile(path, buf.Bytes(), 0o644)
}
