package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrNotFound says that nothing of an id is set aside.
var ErrNotFound = errors.New("nothing of this id is set aside; see: bot deadletters list")

// Client talks to a running bot's Handler about the events that are set aside. They cannot be read beside it: the embedded store has one
// owner.
type Client struct {
	Base string       // "http://127.0.0.1:9090"; see BaseURL
	HTTP *http.Client // nil: one that waits 10 s
}

// BaseURL makes a client's base of an ADMIN_ADDR on this machine.
func BaseURL(addr string) (string, error) {
	if addr == "" {
		return "", errors.New("ADMIN_ADDR is empty, so the bot has no operator's side: start it with ADMIN_ADDR=127.0.0.1:9090")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("ADMIN_ADDR is %q: must be host:port or :port", addr)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// List returns what is set aside, oldest first, at most limit (0: 200), and how many there are in all.
func (c Client) List(ctx context.Context, limit int) ([]DeadLetter, int, error) {
	var list deadList
	query := ""
	if limit > 0 {
		query = "?limit=" + fmt.Sprint(min(limit, maxListed))
	}
	err := c.call(ctx, http.MethodGet, "/api/deadletters"+query, &list)
	return list.DeadLetters, list.Total, err
}

// Show returns one of what is set aside, or ErrNotFound.
func (c Client) Show(ctx context.Context, id string) (DeadLetter, error) {
	var l DeadLetter
	err := c.call(ctx, http.MethodGet, "/api/deadletters/"+url.PathEscape(id), &l)
	return l, err
}

// Retry puts an event back into its lane, or returns ErrNotFound.
func (c Client) Retry(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/api/deadletters/"+url.PathEscape(id)+"/retry", nil)
}

// Drop forgets an event that was set aside, or returns ErrNotFound.
func (c Client) Drop(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/api/deadletters/"+url.PathEscape(id), nil)
}

func (c Client) call(ctx context.Context, method, path string, out any) error {
	base := strings.TrimRight(c.Base, "/")
	req, err := http.NewRequestWithContext(ctx, method, base+path, nil)
	if err != nil {
		return fmt.Errorf("%q is no address of a bot: %w", c.Base, err)
	}
	client := c.HTTP
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	res, err := client.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return c.unreachable(err)
	}
	switch {
	case res.StatusCode == http.StatusOK && out == nil:
		return nil
	case res.StatusCode == http.StatusOK:
		if err := json.Unmarshal(body, out); err != nil {
			return fmt.Errorf("what answers at %s is not the operator's side of a bot: its answer cannot be read", base)
		}
		return nil
	}
	var said struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(body, &said)
	if res.StatusCode == http.StatusNotFound && said.Error != "" {
		return ErrNotFound
	}
	if said.Error == "" {
		return fmt.Errorf("what answers at %s is not the operator's side of a bot: %s", base, res.Status)
	}
	return fmt.Errorf("the bot at %s refused: %s", base, said.Error)
}

// unreachable says what an operator can do about a bot that does not answer.
func (c Client) unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return fmt.Errorf(`no bot answers at %s: %w
The bot must be running, with ADMIN_ADDR set, and this command must see the same ADMIN_ADDR.
  on the bot's machine:  ADMIN_ADDR=127.0.0.1:9090 bot deadletters list
  in a container:        docker compose exec bot /bot deadletters list
  in Kubernetes:         kubectl exec deploy/giosg-bot -- /bot deadletters list
  from elsewhere:        ssh -L 9090:127.0.0.1:9090 HOST, and the first of these in another window`, cmp.Or(strings.TrimRight(c.Base, "/"), "(no address)"), err)
}
