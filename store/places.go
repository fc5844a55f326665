package store

import (
	"context"
	"strings"
)

// Place is an account and region that keys begin with: "{account}/{region}/".
type Place struct{ Account, Region string }

// Places finds the places that have keys below a prefix of theirs, such as
// "cloudwatch/alarm/". It skips from one place to the next, and reads two keys
// in each.
func (s *Store) Places(ctx context.Context, prefix string) (out []Place, err error) {
	for after := ""; ; {
		more := false
		err := s.View(ctx, func(tx *Tx) error {
			found, err := tx.List("", after, 1)
			if err != nil || len(found) == 0 {
				return err
			}
			more = true
			account, rest, _ := strings.Cut(found[0].Key, "/")
			region, _, ok := strings.Cut(rest, "/")
			if !ok { // a document of no account
				after = found[0].Key
				return nil
			}
			after = account + "/" + region + "0" // behind the slash
			here, err := tx.List(account+"/"+region+"/"+prefix, "", 1)
			if len(here) > 0 {
				out = append(out, Place{account, region})
			}
			return err
		})
		if err != nil || !more {
			return out, err
		}
	}
}
