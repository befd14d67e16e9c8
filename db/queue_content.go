package db

import (
	"encoding/json"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// contentOf lists what a row says it contains, in the member content_warnings
// of its item or of its judgement: a list of ContentCategories. Other words are
// kept too, in case a category of that name comes to be.
func (in NewItem) contentOf() []string {
	var found []string
	bodies := []string{in.Extra}
	if in.Answer != nil {
		bodies = append(bodies, in.Answer.Extra)
	}
	for _, body := range bodies {
		var members struct {
			Warnings []string `json:"content_warnings"`
		}
		if strings.Contains(body, "content_warnings") && json.Unmarshal([]byte(body), &members) == nil {
			found = append(found, members.Warnings...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// putContent notes what the items of some rows contain, by the items' hashes.
func putContent(tx *gorm.DB, items map[string]Item, rows []NewItem, hashes []string) error {
	var found []itemContent
	for i, in := range rows {
		for _, category := range in.contentOf() {
			found = append(found, itemContent{items[hashes[i]].ID, category})
		}
	}
	if len(found) == 0 {
		return nil
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(&found, 500).Error
}

// warningsOf lists what an item contains, for its labeler to choose.
func warningsOf(tx *gorm.DB, itemID int64) (found []string, err error) {
	err = tx.Model(&itemContent{}).Where("item_id = ?", itemID).Order("category").Pluck("category", &found).Error
	return found, err
}
