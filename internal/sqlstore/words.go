package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
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
		if err := x.s.enterWords(ctx, x.tx, x.tenant, text.scope, text.ref, text.texts...); err != nil {
			return err
		}
	}
	return nil
}

// enterWords makes ref findable by the words of the texts. Words of an earlier
// text stay: who remembers the old name still finds the device.
func (s *Store) enterWords(ctx context.Context, tx *transaction, tenant, scope, ref string, texts ...string) error {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	hash := hex.EncodeToString(sum[:8])
	key := strings.Join([]string{tenant, scope, ref, hash}, "\x00")
	if s.entered.has(key) {
		return nil
	}
	tx.entered = append(tx.entered, key)
	n, err := affected(ctx, tx, `INSERT INTO worded (tenant, scope, ref, hash) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, scope, ref) DO UPDATE SET hash = excluded.hash WHERE worded.hash <> excluded.hash`,
		tenant, scope, ref, hash)
	if err != nil || n == 0 {
		return err
	}
	for _, word := range wordsOf(texts...) {
		_, err := tx.ExecContext(ctx, `INSERT INTO words (tenant, scope, word, ref) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant, scope, word, ref) DO NOTHING`, tenant, scope, word, ref)
		if err != nil {
			return err
		}
	}
	return nil
}

// maxEntered bounds the memory of what was entered: about 15 MB.
const maxEntered = 100_000

// entered remembers texts whose words are in the index, to save asking the
// database for each ticket. Nothing is ever taken out of the index, so that a memory of it never misleads.
type entered struct {
	mu   sync.Mutex
	keys map[string]struct{}
}

func (e *entered) has(key string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.keys[key]
	return ok
}

func (e *entered) add(keys []string) {
	if len(keys) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.keys == nil || len(e.keys)+len(keys) > maxEntered {
		e.keys = make(map[string]struct{})
	}
	for _, key := range keys[:min(len(keys), maxEntered)] {
		e.keys[key] = struct{}{}
	}
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

// maxNarrow is how many tickets a word may find to be looked up one by one; of
// more, the tickets are read in order and asked for the word.
const maxNarrow = 2000

// searchTickets adds the condition that the text of a filter is found in a
// ticket: each word begins its number, or a word of its title, device, customer or fault code.
func (s *Store) searchTickets(ctx context.Context, w *where, f tickets.Filter) error {
	words := queryWords(f.Text)
	if len(words) == 0 && strings.TrimSpace(f.Text) != "" {
		w.plain("1 = 0") // nothing but punctuation
		return nil
	}
	for _, word := range words {
		scopes, err := s.scopesOf(ctx, w.args[0].(string), word)
		if err != nil {
			return err
		}
		var either, each []string // conditions, and queries of identifiers, that say the same
		find := func(column, condition string) {
			// An expression instead of the column keeps planners from looking up what is to be asked of each row.
			either = append(either, "("+column+" || '') "+condition)
			each = append(each, "SELECT id FROM tickets WHERE tenant = $1 AND "+column+" "+condition)
		}
		probe := newWhere(w.args[0].(string))
		build := func(w *where) {
			either, each = nil, nil
			if number := strings.ToUpper(word); strings.HasPrefix(number, "T-") {
				find("number", "BETWEEN "+w.param(number)+" AND "+w.param(after(number)))
			} else if strings.Trim(number, "0123456789") == "" {
				find("number", "= "+w.param(fmt.Sprintf("T-%06s", number)))
			}
			if len(scopes) == 0 {
				return // PostgreSQL wants every parameter to be used
			}
			low, high := w.param(word), w.param(after(word))
			for _, c := range []struct{ column, scope string }{
				{"title_ref", scopeTitle}, {"device", scopeDevice}, {"customer", scopeCustomer}, {"fault_code", scopeFault},
			} {
				if !slices.Contains(scopes, c.scope) {
					continue
				}
				find(c.column, fmt.Sprintf("IN (SELECT ref FROM words WHERE tenant = $1 AND scope = '%s' AND word >= %s AND word < %s)",
					c.scope, low, high))
			}
		}
		build(probe)
		if len(each) == 0 {
			w.plain("1 = 0")
			return nil
		}
		var found int
		err = s.read.QueryRowContext(ctx, fmt.Sprintf(`SELECT COUNT(*) FROM (SELECT id FROM (%s) found LIMIT %d) matches`,
			strings.Join(each, " UNION ALL "), maxNarrow+1), probe.args...).Scan(&found)
		if err != nil {
			return err
		}
		build(w)
		if found > maxNarrow {
			w.broad = true
			// An alternative, even one that never holds, keeps PostgreSQL from turning the question of each row into a join of all.
			w.plain("(" + strings.Join(append(either, "1 = 0"), " OR ") + ")")
			continue
		}
		w.narrow = true
		w.plain("id IN (" + strings.Join(each, " UNION ALL ") + ")")
	}
	return nil
}

// scopesOf returns where a text has words that begin with one: asking every row for the others would cost time.
func (s *Store) scopesOf(ctx context.Context, tenant, word string) ([]string, error) {
	var queries []string
	for _, scope := range []string{scopeTitle, scopeDevice, scopeCustomer, scopeFault} {
		queries = append(queries, fmt.Sprintf(`SELECT '%s' WHERE EXISTS (SELECT 1 FROM words WHERE tenant = $1 AND scope = '%s' AND word >= $2 AND word < $3)`, scope, scope))
	}
	return collect(ctx, s.read, func(r row) (scope string, err error) { return scope, r.Scan(&scope) },
		strings.Join(queries, " UNION ALL "), tenant, word, after(word))
}
