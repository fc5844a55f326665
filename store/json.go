package store

import (
	"encoding/json"
	"fmt"
)

// GetJSON answers the document under key, and whether there is one. Members
// that T does not know are ignored, so that an older version reads what a newer
// one wrote.
func GetJSON[T any](tx *Tx, key string) (doc T, ok bool, err error) {
	raw, ok := tx.Get(key)
	if !ok {
		return doc, false, nil
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return doc, false, fmt.Errorf("read the document under %q: %w", key, err)
	}
	return doc, true, nil
}

// PutJSON writes doc under key.
func PutJSON[T any](tx *Tx, key string, doc T) error {
	raw, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("write the document under %q: %w", key, err)
	}
	return tx.Put(key, raw)
}
