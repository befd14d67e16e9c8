package main

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"agora/policy/base"
)

// byHand are texts that the word list lets through and a person who read all of them took out (158, 1219 and
// 1606 were named beforehand).
var byHand = idSet(`158 1219 1606
140 118 214 382 445 546 277 787 852 1057 1072 1082 1224 1325 1398 1246 1447 1640 1766 1882
2047 2134 2198 2203 2319 2363 2525 2598 457 2679 2732 1034 2764 2847 3110 3248 3538 3663 3694 3821
3841 3845 3860 3870 3971 1579 2296 2672 2889 3508 3627 2176 1247 979 99 48 355 1299 2234 2575
2594 1455 2329 2801 1234 1549 2882 228 2351 1809 1248 2877 2555 3153 533 758 1358 1800 2345 3026
3078 3086 3144 2289 929 2017 3575 3437 921 170 178 998 1547 2763 1396 3731 3084 2200 1536 3157
1343 2403 3391`)

// family is the first line of jokes that are mostly innuendo at a daughter's expense.
const family = "she was only a"

func idSet(list string) map[int]bool {
	set := map[int]bool{}
	for _, f := range strings.Fields(list) {
		id, err := strconv.Atoi(f)
		if err != nil {
			panic(err) // the list above
		}
		set[id] = true
	}
	return set
}

// humour filters the texts of ukp-humour and keeps the judgments between two remaining texts, in the
// original order, under the original ids.
func humour(shared, out string) error {
	dir := filepath.Join(shared, "data/ukp-humour")
	var texts, judgments []string
	kept, dropped := map[int]bool{}, map[string]int{}
	err := gzipLines(filepath.Join(dir, "items.tsv.gz"), func(line string) error {
		name, text, ok := strings.Cut(line, "\t")
		id, err := strconv.Atoi(name)
		if !ok || err != nil {
			return fmt.Errorf("not id TAB text: %q", line)
		}
		text = plain(text)
		why := base.Offends(text)
		switch {
		case byHand[id]:
			why = "by hand"
		case strings.HasPrefix(strings.ToLower(text), family):
			why = "daughter jokes"
		case why == "" && base.HasPersonalData(text):
			why = "personal"
		}
		if why != "" {
			dropped[why]++
			return nil
		}
		kept[id] = true
		texts = append(texts, name+"\t"+text)
		return nil
	})
	if err != nil {
		return err
	}
	total := 0
	err = gzipLines(filepath.Join(dir, "pairs.csv.gz"), func(line string) error {
		var winner, loser int
		if _, err := fmt.Sscanf(line, "%d,%d", &winner, &loser); err != nil {
			return fmt.Errorf("not winner,loser: %q", line)
		}
		total++
		if kept[winner] && kept[loser] {
			judgments = append(judgments, line)
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("humour: %d texts, dropped: %v; %d of %d judgments\n", len(texts), dropped, len(judgments), total)
	return cmp.Or(
		writeGzip(filepath.Join(out, "humour/texts.tsv.gz"), texts),
		writeGzip(filepath.Join(out, "humour/judgments.csv.gz"), judgments))
}

func gzipLines(path string, each func(line string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	lines := bufio.NewScanner(io.Reader(z))
	for n := 1; lines.Scan(); n++ {
		if err := each(lines.Text()); err != nil {
			return fmt.Errorf("%s line %d: %w", path, n, err)
		}
	}
	return lines.Err()
}
