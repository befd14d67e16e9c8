package labeler

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"agora/db"
	"agora/reward/prefs"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// said is what is wrong with an input, in the reader's language.
func said(c *gin.Context, fault views.Sentence) string {
	return views.Said(c.Request.Context(), fault)
}

// sayFault is an error in the reader's language, behind the line and the field where it has such:
// "3: prompt: is missing".
func sayFault(ctx context.Context, err error) string {
	line, field, reason := placeOf(err)
	parts := []string{field, views.SaidError(ctx, reason)}
	if field == "" {
		parts = parts[1:]
	}
	if line > 0 {
		parts = append([]string{strconv.Itoa(line)}, parts...)
	}
	return strings.Join(parts, ": ")
}

// placeOf splits what is wrong with an input into the line of its file (0: none), the field ("": none)
// and the reason.
func placeOf(err error) (line int, field string, reason error) {
	line, field, reason = prefs.Where(err)
	var invalid *db.InvalidError
	if errors.As(err, &invalid) {
		field, reason = invalid.Field, invalid
	}
	return line, field, reason
}
