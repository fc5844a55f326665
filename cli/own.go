package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/millrace/millrace/aws/sigv4"
)

const (
	ownTimeout  = 30 * time.Second
	maxOwnBytes = 4 << 20
)

// own calls the server's own service below /_millrace/v1, signed as AWS's calls
// are. in is sent as JSON unless it is nil; the answer is read into out.
func (c *api) own(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, ownTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.env.endpoint()+"/_millrace/v1"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	key := sigv4.Key{AccessKeyID: c.env["AWS_ACCESS_KEY_ID"], Secret: c.env["AWS_SECRET_ACCESS_KEY"], SessionToken: c.env["AWS_SESSION_TOKEN"]}
	sigv4.Sign(req, body, key, "millrace", c.env["AWS_REGION"], time.Now())
	resp, err := c.http.Do(req)
	if err != nil {
		return c.fail("call the server", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxOwnBytes))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var refused struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(answer, &refused) != nil || refused.Message == "" {
			return fmt.Errorf("the server answered %s: is it an older millrace?", resp.Status)
		}
		return fmt.Errorf("%s (%s)", refused.Message, resp.Status)
	}
	return json.Unmarshal(answer, out)
}
