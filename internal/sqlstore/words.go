package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/presage-pdm/presage/tickets"
)

// People search by the beginnings of words. Both engines can do that with an
// ordinary index on words, so that neither needs a full-text engine of its own.
// Texts that many tickets share, such as titles, are entered once.

// The scopes of the index of words.
const (
	scopeTitle    = "title"
	scopeDevice   = "device"
	scopeCustomer = "customer"
	scopeFault    = "fault"
)

// Limits on the index of words.
const (
	maxWords      = 64 // of one text
	maxWordBytes  = 64
	maxQueryWords = 6
)

// indexTicket enters the texts of a ticket that are not entered yet.
func (x *ticketTx) indexTicket(ctx context.Context, t *tickets.Ticket) error {
	title, err := toJSON(t.Title)
	if err != nil {
		return err
	}
	titles := make([]string, 0, len(t.Title))
	for _, s := range t.Title {
		titles = append(titles, s)
	}
	slices.Sort(titles)
	for _, text := range []struct {
		scope, ref string
		texts      []string
	}{
		{scopeTitle, titleRef(title), titles},
		{scopeDevice, t.Device, []string{t.Device, t.Facts.DeviceName, t.Facts.Serial}},
		{scopeCustomer, t.Facts.Customer, []string{t.Facts.Customer, t.Facts.CustomerName}},
		{scopeFault, t.FaultCode, []string{t.FaultCode}},
	} {
		if text.ref == "" {
			continue
		}
		if err := enterWords(ctx, x.tx, x.tenant, text.scope, text.ref, text.texts...); err != nil {
			return err
		}
	}
	return nil
}

// enterWords makes ref findable by the words of the texts. Words of an earlier
// text stay: who remembers the old name still finds the device.
func enterWords(ctx context.Context, q querier, tenant, scope, ref string, texts ...string) error {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	hash := hex.EncodeToString(sum[:8])
	n, err := affected(ctx, q, `INSERT INTO worded (tenant, scope, ref, hash) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, scope, ref) DO UPDATE SET hash = excluded.hash WHERE worded.hash <> excluded.hash`,
		tenant, scope, ref, hash)
	if err != nil || n == 0 {
		return err
	}
	for _, word := range wordsOf(texts...) {
		_, err := q.ExecContext(ctx, `INSERT INTO words (tenant, scope, word, ref) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant, scope, word, ref) DO NOTHING`, tenant, scope, word, ref)
		if err != nil {
			return err
		}
	}
	return nil
}

// wordsOf returns the words by which texts are found, sorted: what stands
// between white space, its parts between punctuation, and for scripts that are
// written without spaces every pair of neighbouring characters.
func wordsOf(texts ...string) []string {
	var words []string
	for _, text := range texts {
		for _, field := range strings.Fields(strings.ToLower(clean(text))) {
			field = strings.TrimFunc(field, isPunctuation)
			words = append(words, field)
			for _, part := range strings.FieldsFunc(field, isPunctuation) {
				words = append(words, part)
				words = append(words, pairs(part)...)
			}
		}
	}
	for i, word := range words {
		words[i] = cutWord(word)
	}
	slices.Sort(words)
	words = slices.Compact(words)
	if len(words) > 0 && words[0] == "" {
		words = words[1:]
	}
	return words[:min(len(words), maxWords)]
}

// pairs returns the pairs of neighbouring Han, Kana or Hangul characters, and a single one alone.
func pairs(s string) []string {
	var found []string
	runes := []rune(s)
	for i, r := range runes {
		if !isUnspaced(r) {
			continue
		}
		if i+1 < len(runes) && isUnspaced(runes[i+1]) {
			found = append(found, string(runes[i:i+2]))
		} else if i == 0 || !isUnspaced(runes[i-1]) || i+1 == len(runes) {
			found = append(found, string(r))
		}
	}
	return found
}

func isUnspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

func isPunctuation(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}

// cutWord bounds the length of a word without cutting a character in two.
func cutWord(w string) string {
	if len(w) <= maxWordBytes {
		return w
	}
	return strings.ToValidUTF8(w[:maxWordBytes], "")
}

// queryWords returns the beginnings of words that must all be found.
func queryWords(text string) []string {
	var words []string
	for _, field := range strings.Fields(strings.ToLower(clean(text))) {
		field = strings.TrimFunc(field, isPunctuation)
		if field == "" {
			continue
		}
		runes := []rune(field)
		if len(runes) > 2 && !slices.ContainsFunc(runes, func(r rune) bool { return !isUnspaced(r) }) {
			for i := range len(runes) - 1 {
				words = append(words, string(runes[i:i+2]))
			}
			continue
		}
		words = append(words, cutWord(field))
	}
	return words[:min(len(words), maxQueryWords)]
}

// after returns the first text that does not begin with the prefix and comes behind all that do.
func after(prefix string) string { return prefix + "\U0010FFFF" }

// searchTickets adds the condition that the text of a filter is found in a
// ticket: each word begins its number, or a word of its title, device, customer or fault code.
func searchTickets(w *where, f tickets.Filter) {
	open := ""
	if f.Open != nil {
		open = map[bool]string{true: " AND is_open", false: " AND NOT is_open"}[*f.Open]
	}
	for _, word := range queryWords(f.Text) {
		low, high := w.param(word), w.param(after(word))
		number := strings.ToUpper(word)
		branches := []string{}
		if digits := strings.TrimPrefix(number, "T-"); digits != "" && strings.Trim(digits, "0123456789") == "" {
			if !strings.HasPrefix(number, "T-") {
				number = fmt.Sprintf("T-%06s", digits)
				branches = append(branches, "SELECT id FROM tickets WHERE tenant = $1 AND number = "+w.param(number)+open)
			} else {
				branches = append(branches, "SELECT id FROM tickets WHERE tenant = $1 AND number >= "+w.param(number)+" AND number < "+w.param(after(number))+open)
			}
		}
		for _, c := range []struct{ column, scope string }{
			{"title_ref", scopeTitle}, {"device", scopeDevice}, {"customer", scopeCustomer}, {"fault_code", scopeFault},
		} {
			branches = append(branches, fmt.Sprintf(`SELECT id FROM tickets WHERE tenant = $1%s AND %s IN
				(SELECT ref FROM words WHERE tenant = $1 AND scope = '%s' AND word >= %s AND word < %s)`,
				open, c.column, c.scope, low, high))
		}
		w.plain("id IN (" + strings.Join(branches, " UNION ALL ") + ")")
	}
	if f.Text != "" && len(queryWords(f.Text)) == 0 && strings.TrimSpace(f.Text) != "" {
		w.plain("1 = 0") // nothing but punctuation
	}
}
