package diagnosis

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// seal sets the hash of a diagnosis over everything else in it.
func (d *Diagnosis) seal() error {
	hash, err := d.sum()
	if err != nil {
		return fmt.Errorf("seal the diagnosis of ticket %s: %w", d.Ticket, err)
	}
	d.Hash = hash
	return nil
}

// Intact reports whether the diagnosis is as it was when it was sealed.
func (d *Diagnosis) Intact() bool {
	hash, err := d.sum()
	return err == nil && hash == d.Hash
}

// sum is the SHA-256, in hex, of the diagnosis in canonical JSON without its
// hash: members in the order of their names, no white space, numbers in their
// shortest form, as in RFC 8785.
func (d *Diagnosis) sum() (string, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // as they were written, which is the shortest form
	var members map[string]any
	if err := decoder.Decode(&members); err != nil {
		return "", err
	}
	delete(members, "hash")
	var canonical bytes.Buffer
	encoder := json.NewEncoder(&canonical)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(members); err != nil { // maps are written in the order of their keys
		return "", err
	}
	sum := sha256.Sum256(bytes.TrimSuffix(canonical.Bytes(), []byte("\n")))
	return hex.EncodeToString(sum[:]), nil
}
